"""The other sections: the hub, its communities, and what sign-in gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ..domain.costs import Prices
from ..domain.grants import Role
from ..domain.provenance import Match, Rule
from .quotas import QuotaSection
from .values import (
    Currency,
    Days,
    Duration,
    Pattern,
    Price,
    Section,
    Servers,
    Slug,
    Tag,
    Texts,
    Zone,
    check_database,
)


class RunningSection(Section):
    """What becomes of servers that run."""

    max_session: Duration | None = Field(
        None, description="The longest that a server runs: 8h, 90m or PT8H. By default it runs on."
    )
    on_exhausted: Literal["finish", "stop"] | None = Field(
        None,
        description="What becomes of running servers when nothing is left to spend: they finish, "
        "or are stopped. Either way a start needs what a quarter of an hour takes.",
    )
    stop_warning: Duration | None = Field(
        None, description="How long before a stop its person is warned; by default 10 minutes."
    )
    stop_servers_at_end: bool | None = Field(
        None,
        description="Whether running servers stop with their workshop, and when a grant lapses. They "
        "always stop for somebody who was removed, blocked or suspended.",
    )


class PricesSection(Section):
    """What an hour of each resource costs, for the numbers of communities. Nothing is charged."""

    currency: Currency = Field(description="The currency, by three letters of ISO 4217: `USD`.")
    server_hour: Price = Field(Decimal(0), description="A server for an hour.")
    cpu_hour: Price = Field(Decimal(0), description="A processor for an hour.")
    gib_hour: Price = Field(Decimal(0), description="One GiB of memory for an hour.")
    gpu_hour: dict[Slug, Price] = Field(
        {}, description="A GPU for an hour, for each kind: `{a100: 2.50}`."
    )

    def prices(self) -> Prices:
        return Prices(
            currency=self.currency,
            server=self.server_hour,
            cpu=self.cpu_hour,
            gib=self.gib_hour,
            gpus=self.gpu_hour,
        )


class HubSection(RunningSection):
    """The hub as a whole."""

    name: Slug = Field("hub", description="This hub's name, where several share one database.")
    language: Tag = Field("en", description="The language of pages when nothing else decides.")
    catalogues: str | None = Field(
        None,
        min_length=1,
        description="A folder beside this file with catalogues of your own, such as "
        "`qu/LC_MESSAGES/messages.po`: other languages, or other words for sentences of ours.",
    )
    offer_unfinished: tuple[Tag, ...] = Field(
        (),
        description="Languages of that folder that are offered before they are wholly translated; "
        "the rest is said in the language that most of their speakers also read.",
    )
    database: Annotated[str, AfterValidator(check_database)] = Field(
        "communities.sqlite",
        description="A file beside this one, or a URL such as `postgresql://name@host/database`. "
        "Never the Hub's own database.",
    )
    key_file: str = Field(
        "communities.key",
        description="The package's key, made by `init`; the environment variable "
        "`COMMUNITIES_KEY` comes first. Back it up with the database.",
    )
    group_prefix: str = Field(
        "community-", min_length=1, description="What the Hub groups of this package begin with."
    )
    when_unreachable: Literal["refuse", "admit"] = Field(
        "refuse", description="What a start gets when the database does not answer."
    )
    zone: Zone = Field(
        "UTC",
        description="The time zone in which a month begins, and of days that belong to no workshop.",
    )
    servers: Servers | None = Field(
        None, description="Most servers at one time, all communities together."
    )
    quota: QuotaSection = QuotaSection()
    prices: PricesSection | None = None
    people: Servers | None = Field(
        None, description="Most people at one time, whatever seats codes have."
    )
    new_accounts_per_hour: Servers | None = Field(
        None, description="Most accounts that codes make in an hour, whatever seats they have."
    )
    grace_days: Days = Field(
        14,
        description="Days after the end of somebody's access in which they may still sign in and "
        "take their files along, by the rescue profile.",
    )
    rescue_profile: str | None = Field(  # an entry of an operator's own list has any letters
        None, description="The profile for that; by default the smallest one."
    )
    outside_communities: Literal["admit", "refuse"] = Field(
        "admit",
        description="What people of the hub who belong to no community may do: what the hub lets "
        "them, or nothing. Its admins are always let in.",
    )


class CommunitySection(RunningSection):
    """One community."""

    slug: Slug = Field(description="Its name in addresses and groups. It never changes.")
    name: Texts = Field(description="Its name, per language.", min_length=1)
    language: Tag = Field("en", description="Its own language.")
    contact: str | None = Field(
        None, description="Whom people ask: an e-mail address or a sentence. Shown on refusals."
    )
    champions: tuple[str, ...] = Field((), description="Hub usernames of its champions.")
    quota: QuotaSection = QuotaSection()
    profiles: tuple[Slug, ...] = Field(
        (), description="The order in which its people see profiles; others come after these."
    )
    cohort: Slug | None = Field(
        None,
        description="Communities with the same word here use each other's idle capacity: see "
        "`may_borrow` and `may_lend` of a quota.",
    )
    retention_days: Days | None = Field(
        None,
        description="Days after the end of a person's last grant, and of their days of grace, until "
        "the account is erased by itself. By default it is kept.",
    )


class RuleSection(Section):
    """Who has such a value in a claim of the identity provider has this role. One of `equals`,
    `prefix` and `pattern` is given."""

    claim: str = Field(
        "groups", min_length=1, description="The claim: a key, or keys joined by dots."
    )
    equals: str | None = Field(None, description="The whole value, such as `/research/peru`.")
    prefix: str | None = Field(
        None, min_length=1, description="How the value begins; a branch of a tree ends with `/`."
    )
    pattern: Pattern | None = Field(
        None, description="A regular expression (Python's) that matches the whole value."
    )
    community: Slug = Field(description="The community that the person belongs to.")
    workshop: Slug | None = Field(None, description="A workshop of it; else the whole community.")
    role: Literal["learner", "helper", "instructor", "champion"] = Field(
        "learner", description="What the person may do there."
    )

    @model_validator(mode="after")
    def _check_one(self) -> RuleSection:
        given = [value for value in (self.equals, self.prefix, self.pattern) if value is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of equals, prefix and pattern")
        return self

    def rule(self) -> Rule:
        kind = next(match for match in Match if getattr(self, match.value) is not None)
        return Rule(
            claim=self.claim,
            match=kind,
            value=getattr(self, kind.value),
            community=self.community,
            workshop=self.workshop,
            role=Role.from_label(self.role),
        )


class SignInSection(Section):
    """What the identity provider says of people, and what it gives them."""

    rules: tuple[RuleSection, ...] = ()
    when_claim_missing: Literal["keep", "end"] = Field(
        "keep",
        description="What becomes of a rule's grant when the provider answers without the claim. "
        "`end` suits providers that leave an empty claim out.",
    )
