"""The whole file, and that each name in it is the name of something."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..application.communities import Declaration
from ..application.ports import Settings
from ..domain.communities import Community
from ..domain.limits import Limit, Quota
from ..domain.profiles import Catalogue
from ..domain.stops import RunningRules
from ..domain.units import SERVERS
from .profiles import GatedSection, ProfileSection
from .quotas import QuotaSection
from .sections import CommunitySection, HubSection, RunningSection, SignInSection
from .values import Section

_Path = tuple[str | int, ...]
_Mistake = tuple[_Path, str]  # where in the file, what


def _repeated(where: str | _Path, sections: Sequence[Any]) -> Iterator[_Mistake]:
    path = (where,) if isinstance(where, str) else where
    slugs = [section.slug for section in sections]
    for number, slug in enumerate(slugs):
        if slug in slugs[:number]:
            yield (*path, number, "slug"), f"another entry has the slug {slug}"


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"there is no {name} in this file; did you mean {close[0]}?"
    return f"there is no {name} in this file; there is: {', '.join(known) or 'nothing'}"


class CommunitiesFile(Section):
    """The whole file."""

    hub: HubSection = HubSection()
    sign_in: SignInSection = SignInSection()
    communities: tuple[CommunitySection, ...] = ()
    profiles: tuple[ProfileSection, ...] = ()

    @model_validator(mode="after")
    def _check_references(self) -> CommunitiesFile:
        """Every name of something else in the file is the name of something."""
        mistakes = [*self._repeated_slugs(), *self._unknown_names(), *self._lost_shares()]
        if mistakes:
            raise ValidationError.from_exception_data(
                "communities.yaml",
                [
                    InitErrorDetails(
                        type=PydanticCustomError("reference", text), loc=where, input=None
                    )
                    for where, text in mistakes
                ],
            )
        return self

    def _repeated_slugs(self) -> Iterator[_Mistake]:
        yield from _repeated("communities", self.communities)
        yield from _repeated("profiles", self.profiles)
        yield from self._taken_former_slugs()
        for number, profile in enumerate(self.profiles):
            yield from _repeated(("profiles", number, "choices"), profile.choices)
            for at, choice in enumerate(profile.choices):
                yield from _repeated(("profiles", number, "choices", at, "options"), choice.options)
                if not choice.options and choice.other_image is None:
                    where = ("profiles", number, "choices", at)
                    yield where, "expected options, or other_image"

    def _taken_former_slugs(self) -> Iterator[_Mistake]:
        """A saved choice or a link with one would lead to either of two."""
        taken = {profile.slug for profile in self.profiles}
        for number, profile in enumerate(self.profiles):
            for at, slug in enumerate(profile.former_slugs):
                if slug in taken:
                    where = ("profiles", number, "former_slugs", at)
                    yield where, f"a profile has, or had, the slug {slug} already"
                taken.add(slug)

    def _unknown_names(self) -> Iterator[_Mistake]:
        communities = [section.slug for section in self.communities]
        profiles = [section.slug for section in self.profiles]
        for where, gate in self._gates():
            for at, slug in enumerate(gate.communities):
                if slug not in communities:
                    yield (*where, "communities", at), _unknown(slug, communities)
            for at, place in enumerate(gate.workshops):
                community = place.partition("/")[0]
                if community not in communities:
                    yield (*where, "workshops", at), _unknown(community, communities)
        for number, section in enumerate(self.communities):
            for at, slug in enumerate(section.profiles):
                if slug not in profiles:
                    yield ("communities", number, "profiles", at), _unknown(slug, profiles)
        rescue = self.hub.rescue_profile
        # Without profiles here a Spawner may have a list of its own, and looks there.
        if rescue is not None and profiles and rescue not in profiles:
            yield ("hub", "rescue_profile"), _unknown(rescue, profiles)

    def _lost_shares(self) -> Iterator[_Mistake]:
        """Nobody lends to the hub, nor to a community alone."""
        quotas: list[tuple[_Path, QuotaSection]] = [(("hub", "quota"), self.hub.quota)]
        quotas += [
            (("communities", number, "quota"), section.quota)
            for number, section in enumerate(self.communities)
            if section.cohort is None
        ]
        for where, quota in quotas:
            for inside, _ in quota.with_share():
                yield (*where, *inside), "may_borrow and may_lend need a cohort"

    def _gates(self) -> Iterator[tuple[_Path, GatedSection]]:
        for number, profile in enumerate(self.profiles):
            here: _Path = ("profiles", number)
            yield here, profile
            for at, choice in enumerate(profile.choices):
                inside = (*here, "choices", at)
                yield from (
                    ((*inside, "options", n), option) for n, option in enumerate(choice.options)
                )
                if choice.other_image is not None:
                    yield (*inside, "other_image"), choice.other_image

    def settings(self) -> Settings:
        return Settings(
            hub_name=self.hub.name,
            language=self.hub.language,
            group_prefix=self.hub.group_prefix,
            admit_when_unreachable=self.hub.when_unreachable == "admit",
            grace=timedelta(days=self.hub.grace_days),
            rescue_profile=self.hub.rescue_profile,
            admits_outside=self.hub.outside_communities == "admit",
            running={None: self._running(), **{s.slug: self._running(s) for s in self.communities}},
            zone=self.hub.zone,
            communities=frozenset(section.slug for section in self.communities),
            most_people=self.hub.people,
            most_new_per_hour=self.hub.new_accounts_per_hour,
            prices=None if self.hub.prices is None else self.hub.prices.prices(),
            rules=tuple(section.rule() for section in self.sign_in.rules),
            keep_when_missing=self.sign_in.when_claim_missing == "keep",
            catalogue=Catalogue(
                tuple(section.profile() for section in self.profiles),
                orders={section.slug: section.profiles for section in self.communities},
            ),
        )

    def _running(self, section: RunningSection | None = None) -> RunningRules:
        """A community's own rules go before the hub's."""
        own = {name: getattr(section, name, None) for name in RunningSection.model_fields}
        rules = {
            name: getattr(self.hub, name) if value is None else value for name, value in own.items()
        }
        return RunningRules(
            max_session=rules["max_session"],
            stops_when_exhausted=rules["on_exhausted"] == "stop",
            stops_at_end=bool(rules["stop_servers_at_end"]),
            grace=rules["stop_warning"] or RunningRules().grace,
        )

    def hub_quota(self) -> Quota:
        """`servers` may stand by itself under `hub`."""
        quota = self.hub.quota.quota(zone=self.hub.zone)
        if self.hub.servers is None:
            return quota
        limit = quota.held.get(SERVERS, Limit())
        most = self.hub.servers if limit.most is None else min(limit.most, self.hub.servers)
        return replace(quota, held={**quota.held, SERVERS: replace(limit, most=most)})

    def declarations(self) -> tuple[Declaration, ...]:
        return tuple(
            Declaration(
                community=Community(
                    slug=section.slug,
                    names=section.name,
                    language=section.language,
                    contact=section.contact,
                    declared=True,
                    retention_days=section.retention_days,
                    cohort=section.cohort,
                ),
                quota=section.quota.quota(
                    zone=self.hub.zone, is_in_cohort=section.cohort is not None
                ),
                champions=section.champions,
            )
            for section in self.communities
        )


def json_schema() -> dict[str, Any]:
    """The file's JSON Schema (2020-12), by which editors complete and check it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **CommunitiesFile.model_json_schema(),
        "title": "communities.yaml of jupyterhub-communities",
    }
