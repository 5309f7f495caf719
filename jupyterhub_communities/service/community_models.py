"""What the API takes and answers about a community's people, its settings, and the operator's look at
all of them; `models` and `answers` have the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..application.community_settings import CommunityChange
from ..application.issuing import KEEP
from ..application.offers import OfferedRole
from ..application.operating import CommunityRow, HubView, NewCommunity
from ..domain.communities import (
    LONGEST_CONTACT,
    LONGEST_NAME,
    LONGEST_SLUG,
    MOST_RETENTION,
)
from ..domain.offers import LONGEST_USERNAME, RoleOffer
from .answers import Answer, RoleLabel, Scope, Texts, Time, label
from .models import Body, Language

Names = Annotated[dict[Language, str], Field(min_length=1, max_length=60)]
Username = Annotated[str, Field(min_length=1, max_length=LONGEST_USERNAME)]
Contact = Annotated[str, Field(max_length=LONGEST_CONTACT)]


class OfferBody(Body):
    """`POST communities/{c}/offers`."""

    username: Username
    role: RoleLabel = "learner"


class HandOverBody(Body):
    """`POST communities/{c}/hand-over`."""

    username: Username
    stays_as: Literal["learner", "helper", "instructor"] = "instructor"


class CommunityChangeBody(Body):
    """`PATCH communities/{c}`: what is left out stays; null takes a value away."""

    names: Names = Field(
        default_factory=dict, description=f"At most {LONGEST_NAME} characters each."
    )
    language: Language = "en"
    contact: Contact | None = None
    retention_days: Annotated[int, Field(ge=1, le=MOST_RETENTION)] | None = None
    shows_people: bool = False

    def change(self) -> CommunityChange:
        def said(name: str) -> Any:
            return getattr(self, name) if name in self.model_fields_set else KEEP

        return CommunityChange(
            names=said("names"),
            language=said("language"),
            contact=said("contact"),
            retention_days=said("retention_days"),
            shows_people=said("shows_people"),
        )


class NewCommunityBody(Body):
    """`POST communities`."""

    slug: str = Field(min_length=1, max_length=LONGEST_SLUG)
    names: Names
    language: Language = "en"
    contact: Contact | None = None
    champions: list[Username] = Field(min_length=1, max_length=20)

    def wanted(self) -> NewCommunity:
        return NewCommunity(
            slug=self.slug,
            names=self.names,
            language=self.language,
            contact=self.contact,
            champions=tuple(self.champions),
        )


class MembersQuery(BaseModel):
    q: str = Field("", description="A part of the name or of the username.")


class Offer(Answer):
    id: str
    community: str
    username: str
    role: RoleLabel
    made_at: Time
    ends_at: Time

    @classmethod
    def of(cls, offer: RoleOffer) -> Offer:
        return cls(
            id=offer.id,
            community=offer.community,
            username=offer.username,
            role=label(offer.role),
            made_at=offer.made_at,
            ends_at=offer.ends_at,
        )

    @classmethod
    def offered(cls, offered: OfferedRole) -> Offer:
        return cls.of(offered.offer)


class CommunityOverview(Answer):
    """A community against the machine."""

    slug: str
    names: Texts
    declared: bool = Field(description="Named by the operator's file.")
    champions: list[str] = Field(description="Usernames of those who can act.")
    suspended_at: Time | None
    archived_at: Time | None
    quotas: Scope

    @classmethod
    def of(cls, row: CommunityRow) -> CommunityOverview:
        return cls(
            slug=row.community.slug,
            names=dict(row.community.names),
            declared=row.is_named,
            champions=sorted(account.username for account in row.champions),
            suspended_at=row.community.suspended_at,
            archived_at=row.community.archived_at,
            quotas=Scope.of(row.view),
        )


class Timer(Answer):
    name: Literal["metering", "ends", "audit"]
    done_until: Time | None
    late: bool


class Hub(Answer):
    quotas: Scope
    communities: list[CommunityOverview]
    timers: list[Timer]
    open_asks: dict[str, int] = Field(description="Cohort → how many wait for an answer.")

    @classmethod
    def of(cls, view: HubView, open_asks: Mapping[str, int]) -> Hub:
        return cls(
            quotas=Scope.of(view.here),
            communities=[CommunityOverview.of(row) for row in view.rows],
            timers=[
                Timer(name=one.name, done_until=one.done_until, late=one.is_late)
                for one in view.timers
            ],
            open_asks=dict(open_asks),
        )
