"""How scopes are written in the database's keys."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal

from ..domain.quotas import HUB, Scope
from .tables import workshops


def scope_key(scope: Scope, hub_name: str) -> str:
    """Several hubs may share a database: each has its own top level, communities are common."""
    return f"hub:{hub_name}" if scope == HUB else scope.key


def workshop_key() -> ColumnElement[str]:
    """The key of a row of `workshops`."""
    return literal("hub/") + workshops.c.community + "/" + workshops.c.slug


def read_key(key: str) -> Scope:
    """Of a community or workshop."""
    _, community, *workshop = key.split("/")
    return Scope(community, workshop[0] if workshop else None)


def place_of(key: str) -> Scope:
    """Where something was spent: a community, a workshop, or by people of none."""
    return read_key(key) if key.startswith("hub/") else HUB


def level_of(key: str, hub_name: str) -> Scope | None:
    """None for a cohort, and for another hub's top level."""
    if key == scope_key(HUB, hub_name):
        return HUB
    return None if key.startswith(("hub:", "hub/~")) else read_key(key)
