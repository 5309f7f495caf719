"""What a hub signs people in with, for tests: real providers where Debian has them, else stubs."""
