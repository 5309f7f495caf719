"""Profiles: the entries that a server can be started with. Only slugs are ever stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .grants import Actor, Role
from .refusals import ProfileNotOffered, ProfileUnknown
from .texts import LocalText, in_language


@dataclass(frozen=True, slots=True)
class Profile:
    """One entry of the catalogue. Empty gates let everybody in."""

    slug: str
    names: LocalText
    descriptions: LocalText = field(default_factory=dict)
    milli_cpu: int | None = None  # thousandths of a processor
    memory: int | None = None  # bytes
    communities: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    workshops: frozenset[str] = frozenset()  # each as community/workshop
    default_urls: LocalText = field(default_factory=dict)  # the lesson, per language
    image: str | None = None  # container image, for Spawners that have one
    environment: Mapping[str, str] = field(default_factory=dict)

    def name(self, tag: str) -> str:
        return in_language(self.names, tag) or self.slug

    def description(self, tag: str) -> str:
        return in_language(self.descriptions, tag)

    def is_offered(self, actor: Actor, community: str | None, workshop: str | None) -> bool:
        if self.communities and community not in self.communities:
            return False
        if self.workshops and f"{community}/{workshop}" not in self.workshops:
            return False
        if not self.roles:
            return True
        role = None if community is None else actor.role_at(community, workshop)
        return role is not None and role >= min(self.roles)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All profiles of a hub, in the operator's order."""

    profiles: tuple[Profile, ...]

    def get(self, slug: str) -> Profile:
        """Raises `ProfileUnknown`."""
        for profile in self.profiles:
            if profile.slug == slug:
                return profile
        raise ProfileUnknown

    def rescue(self, slug: str | None) -> Profile | None:
        """The profile for saving or deleting files: the operator's choice, else the smallest."""
        if slug is not None:
            return self.get(slug)
        sized = [profile for profile in self.profiles if profile.memory is not None]
        return min(sized, key=lambda p: p.memory or 0, default=first(self.profiles))

    def offered(
        self, actor: Actor, community: str | None, workshop: str | None
    ) -> tuple[Profile, ...]:
        return tuple(p for p in self.profiles if p.is_offered(actor, community, workshop))

    def choose(
        self,
        slug: str | None,
        actor: Actor,
        community: str | None,
        workshop: str | None,
        *,
        preferred: str | None,
    ) -> Profile | None:
        """The profile that a server starts with: as asked, else the workshop's, else the first.

        Raises `ProfileUnknown` or `ProfileNotOffered`. None only where the catalogue offers nothing.
        """
        offered = self.offered(actor, community, workshop)
        if slug:
            profile = self.get(slug)
            if profile not in offered:
                raise ProfileNotOffered
            return profile
        return first(p for p in offered if p.slug == preferred) or first(offered)


def first(profiles: Iterable[Profile]) -> Profile | None:
    return next(iter(profiles), None)
