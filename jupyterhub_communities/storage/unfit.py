"""A database that answers, and cannot be used as it is."""

from __future__ import annotations


class DatabaseUnfit(Exception):
    """`str()` says why, and what to do."""


class SchemaOutdated(DatabaseUnfit):
    """The database is older or newer than this version. `str()` names the command that mends it."""
