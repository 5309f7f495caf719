"""What runs in the Hub process, and the client of the Hub's API."""
