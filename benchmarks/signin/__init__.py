"""What a sign-in costs: this package beside the Hub's own authenticators. See README.md."""
