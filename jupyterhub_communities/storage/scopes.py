"""How scopes are written in the database's keys."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, bindparam, literal

from ..domain.quotas import HUB, Scope
from .tables import workshops

LONGEST_PATH = 5  # hub, cohort, community, workshop, member


def is_on_path(key: ColumnElement[str]) -> ColumnElement[bool]:
    """Is it one of those in `path_keys`? As many parameters always: a list of any length would be
    spelled out anew each time."""
    return key.in_([bindparam(f"level{number}", type_=key.type) for number in range(LONGEST_PATH)])


def path_keys(keys: Collection[str]) -> dict[str, str | None]:
    padded = [*keys, *[None] * (LONGEST_PATH - len(keys))]
    return {f"level{number}": key for number, key in enumerate(padded)}


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
