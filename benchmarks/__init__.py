"""Measurements of the whole, on real hubs. Not part of the package."""
