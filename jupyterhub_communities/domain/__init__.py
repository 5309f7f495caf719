"""The rules, as values and pure functions. Nothing here knows of a database, a request or a Hub."""
