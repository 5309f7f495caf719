"""What a start costs the Hub: plain, with a hook, and with this package."""
