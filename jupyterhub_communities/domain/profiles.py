"""Profiles: the entries that a server can be started with. Only slugs are ever stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from .grants import NOBODY, Actor, Role
from .quotas import size
from .refusals import (
    ImageNotAllowed,
    NoProfileOffered,
    OptionNotOffered,
    ProfileNotOffered,
    ProfileUnknown,
)
from .texts import LocalText, in_language
from .units import CPU, MEMORY, SERVERS, STORAGE, Amounts, gpu

T = TypeVar("T")


_UNSAID: Amounts = {MEMORY: 2**30}  # what a server is thought to take of which nobody says it
OTHER_IMAGE = "--other"  # after a choice's slug: the image that the person named themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """Offered to some. An empty gate lets everybody in."""

    communities: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    workshops: frozenset[str] = frozenset()  # each as community/workshop

    def is_for(self, community: str) -> bool:
        """Whether anybody of the community is let in."""
        places = {place.partition("/")[0] for place in self.workshops}
        return all(not named or community in named for named in (self.communities, places))

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
class Option(Gated):
    """One way to have a profile: what it sets goes before what the profile sets."""

    slug: str
    names: LocalText
    milli_cpu: int | None = None
    memory: int | None = None
    storage: int | None = None
    gpus: Mapping[str, int] | None = None  # all of them; None: those of the profile
    images: LocalText = field(default_factory=dict)
    environment: Mapping[str, LocalText] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)  # settings of the Spawner, by name

    def name(self, tag: str) -> str:
        return in_language(self.names, tag) or self.slug


@dataclass(frozen=True, slots=True)
class OtherImage(Gated):
    """An image that the person names themselves."""

    allowed: str  # a regular expression for the whole name


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """What a person chooses within a profile."""

    slug: str
    names: LocalText
    options: tuple[Option, ...]
    other_image: OtherImage | None = None

    def name(self, tag: str) -> str:
        return in_language(self.names, tag) or self.slug

    def narrowed(self, actor: Actor, community: str | None, workshop: str | None) -> ProfileChoice:
        """The choice with what is offered to this person alone."""
        other = self.other_image
        return replace(
            self,
            options=tuple(o for o in self.options if o.is_offered(actor, community, workshop)),
            other_image=other if other and other.is_offered(actor, community, workshop) else None,
        )

    def united(self, other: ProfileChoice) -> ProfileChoice:
        known = {option.slug for option in self.options}
        return replace(
            self,
            options=self.options + tuple(o for o in other.options if o.slug not in known),
            other_image=self.other_image or other.other_image,
        )

    def pick(self, picked: Mapping[str, str]) -> Option | None:
        """The option picked, else the first; None where there is none.

        Raises `OptionNotOffered` or `ImageNotAllowed`.
        """
        if image := picked.get(self.slug + OTHER_IMAGE):
            if self.other_image is None:
                raise OptionNotOffered
            if not re.fullmatch(self.other_image.allowed, image):
                raise ImageNotAllowed
            return Option(slug=self.slug + OTHER_IMAGE, names={}, images={"en": image})
        if slug := picked.get(self.slug):
            option = first(option for option in self.options if option.slug == slug)
            if option is None:
                raise OptionNotOffered
            return option
        return first(self.options)


@dataclass(frozen=True, slots=True)
class Profile(Gated):
    """One entry of the catalogue."""

    slug: str
    names: LocalText
    descriptions: LocalText = field(default_factory=dict)
    milli_cpu: int | None = None  # thousandths of a processor
    memory: int | None = None  # bytes
    storage: int | None = None  # bytes of the machine's disk, for as long as the server runs
    gpus: Mapping[str, int] = field(default_factory=dict)  # by kind
    default_urls: LocalText = field(default_factory=dict)  # the lesson, per language
    images: LocalText = field(default_factory=dict)  # container image, for Spawners that have one
    environment: Mapping[str, LocalText] = field(default_factory=dict)
    choices: tuple[ProfileChoice, ...] = ()
    former_slugs: frozenset[str] = frozenset()  # saved options and links have these
    lab_languages: tuple[str, ...] | None = None  # with a JupyterLab pack; None: not known
    overrides: tuple[Mapping[str, Any], ...] = ()  # settings of the Spawner; later ones go before

    @property
    def amounts(self) -> Amounts:
        """What one server of it holds, as far as the profile says."""
        held = {SERVERS: 1, CPU: self.milli_cpu, MEMORY: self.memory, STORAGE: self.storage}
        held |= {gpu(kind): count for kind, count in self.gpus.items()}
        return {resource: amount for resource, amount in held.items() if amount is not None}

    def name(self, tag: str) -> str:
        return in_language(self.names, tag) or self.slug

    def description(self, tag: str) -> str:
        return in_language(self.descriptions, tag)

    def image(self, tag: str) -> str | None:
        return in_language(self.images, tag) or None

    def variables(self, tag: str) -> dict[str, str]:
        """The environment of a server in this language."""
        return {name: in_language(texts, tag) for name, texts in self.environment.items()}

    def has_lab_in(self, tag: str) -> bool:
        """Whether JupyterLab speaks this language, as far as the catalogue says."""
        if self.lab_languages is None:
            return True
        known = {name.partition("-")[0] for name in (*self.lab_languages, "en")}
        return tag.partition("-")[0] in known

    def narrowed(self, actor: Actor, community: str | None, workshop: str | None) -> Profile:
        """The profile with those of its choices that are offered to this person."""
        choices = (choice.narrowed(actor, community, workshop) for choice in self.choices)
        return replace(self, choices=tuple(c for c in choices if c.options or c.other_image))

    def united(self, other: Profile) -> Profile:
        """The profile with what either has of its choices: for a form of several places."""
        others = {choice.slug: choice for choice in other.choices}
        mine = [c.united(others.pop(c.slug)) if c.slug in others else c for c in self.choices]
        return replace(self, choices=(*mine, *others.values()))

    def with_choices(self, picked: Mapping[str, str]) -> Profile:
        """The profile as the picked options change it. Names of other profiles' choices are left
        alone: saved options may have them.

        Raises `OptionNotOffered` or `ImageNotAllowed`.
        """
        profile = self
        for choice in self.choices:
            if option := choice.pick(picked):
                profile = profile.with_option(option)
        return profile

    def smallest_picked(self, otherwise: Amounts) -> dict[str, str]:
        """The options with which the least is set aside, choice → option; of equal ones the first."""
        profile, picked = self, {}
        for choice in self.choices:
            if choice.options:
                option = min(choice.options, key=partial(profile._size_with, otherwise))
                profile, picked[choice.slug] = profile.with_option(option), option.slug
        return picked

    def _size_with(self, otherwise: Amounts, option: Option) -> tuple[int, ...]:
        return size({**_UNSAID, **otherwise, **self.with_option(option).amounts})

    def with_option(self, option: Option) -> Profile:
        return replace(
            self,
            milli_cpu=self.milli_cpu if option.milli_cpu is None else option.milli_cpu,
            memory=self.memory if option.memory is None else option.memory,
            storage=self.storage if option.storage is None else option.storage,
            gpus=self.gpus if option.gpus is None else option.gpus,
            images=option.images or self.images,
            environment={**self.environment, **option.environment},
            overrides=(*self.overrides, option.overrides) if option.overrides else self.overrides,
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All profiles of a hub, in the operator's order."""

    profiles: tuple[Profile, ...]
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)  # a community's own: slugs

    def get(self, slug: str) -> Profile:
        """By its slug, or by one that it had. Raises `ProfileUnknown`."""
        profile = first(p for p in self.profiles if p.slug == slug)
        profile = profile or first(p for p in self.profiles if slug in p.former_slugs)
        if profile is None:
            raise ProfileUnknown
        return profile

    def of_community(self, community: str) -> tuple[Profile, ...]:
        """What a workshop of the community may be held with, in its order."""
        return self._ordered(community, (p for p in self.profiles if p.is_for(community)))

    def current_slug(self, slug: str | None) -> str | None:
        """The slug that the profile has now; None where there is no such profile any more."""
        try:
            return self.get(slug).slug if slug else None
        except ProfileUnknown:
            return None

    def choice_slugs(self) -> frozenset[str]:
        return frozenset(choice.slug for profile in self.profiles for choice in profile.choices)

    def rescue(
        self,
        slug: str | None,
        actor: Actor,
        community: str | None,
        workshop: str | None,
        *,
        otherwise: Amounts,
    ) -> Profile | None:
        """The profile for saving or deleting files: the operator's choice, else the smallest. With
        those of its choices that are offered to the person, or else to everybody.

        No quota holds a rescue back: so none has a GPU where one without would do, and what is for
        others is had only where nothing else is. `otherwise` is what a server takes of that of which
        its profile says nothing; memory of which nothing is known counts as 1 GiB. None only where the catalogue is empty.
        """
        offered = {profile.slug: profile for profile in self.offered(actor, community, workshop)}
        named = self.current_slug(slug)  # a list that is made at each start may not have it
        profiles = [
            offered.get(profile.slug) or profile.narrowed(NOBODY, None, None)
            for profile in self.profiles
            if named is None or profile.slug == named
        ]

        def order(profile: Profile) -> tuple[int, ...]:
            started = profile.with_choices(profile.smallest_picked(otherwise))
            gpus, *rest = size({**_UNSAID, **otherwise, **started.amounts})
            return (gpus > 0, profile.slug not in offered, gpus, *rest)

        return min(profiles, key=order, default=None)

    def offered(
        self, actor: Actor, community: str | None, workshop: str | None
    ) -> tuple[Profile, ...]:
        """The person's profiles with the person's choices, in the community's order."""
        offered = (
            profile.narrowed(actor, community, workshop)
            for profile in self.profiles
            if profile.is_offered(actor, community, workshop)
        )
        return self._ordered(community, offered)

    def _ordered(self, community: str | None, profiles: Iterable[Profile]) -> tuple[Profile, ...]:
        order = self.orders.get(community or "", ())
        named = {slug: place for place, slug in enumerate(order)}
        return tuple(sorted(profiles, key=lambda profile: named.get(profile.slug, len(order))))

    def offers(
        self,
        slug: str,
        actor: Actor,
        community: str | None,
        workshop: str | None,
        *,
        picked: Mapping[str, str],
    ) -> bool:
        """Whether the profile can be started there with these options. Raises `ProfileUnknown`."""
        self.get(slug)
        try:
            self.choose(slug, actor, community, workshop, preferred=None, picked=picked)
        except (ImageNotAllowed, OptionNotOffered, ProfileNotOffered):
            return False
        return True

    def choose(
        self,
        slug: str | None,
        actor: Actor,
        community: str | None,
        workshop: str | None,
        *,
        preferred: str | None,
        picked: Mapping[str, str] | None = None,
    ) -> Profile | None:
        """The profile that a server starts with: as asked, else the workshop's, else the first.
        `picked` has an option's slug for a choice's.

        Raises `ProfileUnknown`, `ProfileNotOffered`, `NoProfileOffered`, `OptionNotOffered` or
        `ImageNotAllowed`. None only where the catalogue is empty.
        """
        offered = {profile.slug: profile for profile in self.offered(actor, community, workshop)}
        if slug:
            profile = offered.get(self.get(slug).slug)
            if profile is None:
                raise ProfileNotOffered
        else:
            profile = offered.get(self.current_slug(preferred) or "") or first(offered.values())
            if profile is None and self.profiles:
                raise NoProfileOffered
        return profile and profile.with_choices(picked or {})


def first(items: Iterable[T]) -> T | None:
    return next(iter(items), None)
