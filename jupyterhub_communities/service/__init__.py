"""The service: pages on which communities run themselves, the API beneath, and the timers."""
