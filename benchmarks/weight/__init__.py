"""What a page weighs on the wire, and how soon it can be used on a weak connection."""
