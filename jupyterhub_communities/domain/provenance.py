"""Grants from the identity provider: rules that map its claims to places and roles.

A rule looks at the values of one claim. Each value is compared whole: a nested group such as
`/research/peru` is one text, and a prefix that means a branch of the tree ends with `/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .grants import Grant, Role, Source


class Match(StrEnum):
    EQUALS = "equals"
    PREFIX = "prefix"
    PATTERN = "pattern"  # a regular expression that matches the whole value


@dataclass(frozen=True, slots=True)
class Rule:
    """Who has such a value in the claim has the role at the place."""

    claim: str  # a key, or keys joined by dots
    match: Match
    value: str
    community: str
    workshop: str | None = None
    role: Role = Role.LEARNER

    @property
    def place(self) -> Place:
        return Place(self.community, self.workshop, self.role)

    def matches(self, values: Iterable[str]) -> bool:
        if self.match is Match.EQUALS:
            return self.value in values
        if self.match is Match.PREFIX:
            return any(value.startswith(self.value) for value in values)
        return any(re.fullmatch(self.value, value) for value in values)


@dataclass(frozen=True, slots=True)
class Place:
    """A role somewhere, as the identity provider gives it."""

    community: str
    workshop: str | None
    role: Role


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the provider's answer amounts to."""

    places: frozenset[Place] = frozenset()
    unknown: frozenset[Place] = frozenset()  # their claim was missing: they stay as they are
    missing_claims: frozenset[str] = frozenset()


def wanted_places(
    rules: Iterable[Rule], claims: Mapping[str, Any], *, keep_when_missing: bool = True
) -> Wanted:
    """What rules make of claims. A claim that is missing decides nothing, unless told otherwise."""
    places, unknown, missing = set(), set(), set()
    for rule in rules:
        values = claim_values(claims, rule.claim)
        if values is None:
            missing.add(rule.claim)
            if keep_when_missing:
                unknown.add(rule.place)
        elif rule.matches(values):
            places.add(rule.place)
    return Wanted(frozenset(places), frozenset(unknown - places), frozenset(missing))


def claim_values(claims: Mapping[str, Any], claim: str) -> frozenset[str] | None:
    """The texts of a claim; None where it is missing or not made of texts.

    A key is tried whole before it is taken apart at its dots: some providers use addresses as keys.
    """
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for key in claim.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    if isinstance(found, list | tuple | set | frozenset):
        return frozenset(value for value in found if isinstance(value, str))
    return None


def place_of(grant: Grant) -> Place:
    return Place(grant.community, grant.workshop, grant.role)


def to_end(grants: Iterable[Grant], wanted: Wanted) -> tuple[Grant, ...]:
    """The provider's earlier grants that it gives no longer. Grants from elsewhere are never its."""
    kept = wanted.places | wanted.unknown
    return tuple(
        grant for grant in grants if grant.source is Source.IDP and place_of(grant) not in kept
    )


def to_add(grants: Iterable[Grant], wanted: Wanted) -> frozenset[Place]:
    """What the provider gives and has not given before."""
    given = {place_of(grant) for grant in grants if grant.source is Source.IDP}
    return wanted.places - given
