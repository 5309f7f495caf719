"""What the API takes. Unknown keys are refused, and nothing is read as what it is not; times carry
their offset."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from ..application.changing import WorkshopChange
from ..application.issuing import KEEP, InviteChange, NewInvite
from ..application.usage import MOST_DAYS
from ..application.workshops import NewWorkshop
from ..domain.grants import Role
from ..domain.invites import InviteKind
from ..domain.names import MOST_NAMES
from ..domain.workshops import MOST_SEATS, MOST_SESSIONS, Session
from ..i18n.negotiation import is_language_tag
from .answers import RoleLabel

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _written_out(value: object) -> object:
    """A number would be read as seconds since 1970."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("expected a time with its offset, such as 2030-03-02T09:00:00-05:00")
    return value


def _language(tag: str) -> str:
    if not is_language_tag(tag):
        raise ValueError("expected a language tag such as es, pt-BR or sw")
    return tag


Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
Seats = Annotated[int, Field(ge=1, le=MOST_SEATS)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class SessionBody(Body):
    starts_at: Time
    ends_at: Time


class WorkshopBody(Body):
    """`POST communities/{c}/workshops`."""

    title: str = Field(min_length=1, max_length=500)
    language: Language
    zone: str = Field("UTC", max_length=64)
    sessions: list[SessionBody] = Field(min_length=1, max_length=MOST_SESSIONS)
    seats: Seats | None = None
    profile: str | None = Field(None, max_length=64)
    servers: Seats | None = None
    reserved: bool = False

    def wanted(self) -> NewWorkshop:
        return NewWorkshop(
            title=self.title,
            language=self.language,
            zone=self.zone,
            sessions=tuple(Session(s.starts_at, s.ends_at) for s in self.sessions),
            seats=self.seats,
            profile=self.profile,
            servers=self.servers,
            is_reserved=self.reserved,
        )


class WorkshopChangeBody(Body):
    """`PATCH communities/{c}/workshops/{w}`: what is left out stays."""

    title: str = Field("", min_length=1, max_length=500)
    language: Language = ""
    zone: str = Field("", max_length=64)
    profile: str | None = Field(None, max_length=64)
    seats: Seats | None = None
    sessions: list[SessionBody] = Field([], min_length=1, max_length=MOST_SESSIONS)
    reserved: bool = False

    def change(self) -> WorkshopChange:
        def said(name: str) -> Any:
            return getattr(self, name) if name in self.model_fields_set else KEEP

        sessions = said("sessions")
        if sessions is not KEEP:
            sessions = tuple(Session(one.starts_at, one.ends_at) for one in sessions)
        return WorkshopChange(
            title=said("title"),
            language=said("language"),
            zone=said("zone"),
            profile=said("profile"),
            seats=said("seats"),
            sessions=sessions,
            is_reserved=said("reserved"),
        )


class CloneBody(Body):
    """`POST communities/{c}/workshops/{w}/clone`: what is left out is as it was."""

    first_day: Annotated[date, Field(strict=False)]
    title: str | None = Field(None, min_length=1, max_length=500)
    reserved: bool | None = None


class MessageBody(Body):
    """`PUT communities/{c}/workshops/{w}/message`."""

    message: str = Field(max_length=5000)


class _NewInviteBody(Body):
    """What codes of all kinds have."""

    role: RoleLabel = "learner"
    workshop: str | None = Field(None, max_length=40)
    site: str | None = Field(None, max_length=40)
    opens_at: Time | None = None
    closes_at: Time | None = None
    lasts_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    by_hand: bool = False

    def wanted(self) -> NewInvite:
        return NewInvite(
            role=Role.from_label(self.role),
            workshop=self.workshop,
            site=self.site,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            lasts=None if self.lasts_days is None else timedelta(days=self.lasts_days),
            is_by_hand=self.by_hand,
        )


class InviteBody(_NewInviteBody):
    """`POST communities/{c}/invites`."""

    seats: Seats | None = None
    kind: Literal["shared", "personal"] = "shared"

    def wanted(self) -> NewInvite:
        return replace(super().wanted(), seats=self.seats, kind=InviteKind(self.kind))


class BatchBody(_NewInviteBody):
    """`POST communities/{c}/batches`: an invite of one seat for each name."""

    names: list[str] = Field(min_length=1, max_length=MOST_NAMES)


class InviteChangeBody(Body):
    """`PATCH communities/{c}/invites/{i}`: what is left out stays; null takes a limit away."""

    seats: Seats | None = None
    opens_at: Time | None = None
    closes_at: Time | None = None
    paused: bool = False
    by_hand: bool = False

    def change(self) -> InviteChange:
        def said(name: str) -> Any:
            return getattr(self, name) if name in self.model_fields_set else KEEP

        return InviteChange(
            seats=said("seats"),
            opens_at=said("opens_at"),
            closes_at=said("closes_at"),
            is_paused=said("paused"),
            is_by_hand=said("by_hand"),
        )


class RevokeBody(Body):
    """`POST communities/{c}/invites/{i}/revoke`."""

    with_grants: bool = False


class SiteBody(Body):
    """`POST communities/{c}/workshops/{w}/sites`."""

    name: str = Field(min_length=1, max_length=500)
    zone: str = Field(max_length=64)
    country: str | None = Field(None, max_length=20)


class KeyBody(Body):
    """`POST communities/{c}[/workshops/{w}]/keys`."""

    username: str = Field(max_length=255)
    number: str = Field(max_length=40)


class RoleBody(Body):
    """`PUT communities/{c}/members/{username}`."""

    role: RoleLabel


class LanguageBody(Body):
    """`PATCH me`."""

    language: Language


LONGEST_REASON = 500  # characters


class ReasonBody(Body):
    """`POST communities/{c}/suspend`."""

    because: str = Field(min_length=1, max_length=LONGEST_REASON)


class QuotaBody(Body):
    """`PUT communities/{c}/quotas`: all limits of the community, or of one of its workshops."""

    workshop: str | None = Field(None, max_length=40)
    limits: dict[str, str | int | None] = Field(max_length=60)


class SimulateBody(QuotaBody):
    """`POST communities/{c}/quotas/simulate`: the limits that would be others."""

    days: int = 30


class KeptKeyBody(Body):
    """`PUT me/return-key`: the new key, which shows that it was kept."""

    return_key: str = Field(max_length=200)


class ErasureBody(Body):
    """`DELETE me`: the username again."""

    username: str = Field(max_length=255)


# Queries, as the document describes them. They are read where they are used.


class FormatQuery(BaseModel):
    format: Literal["json", "csv"] = "json"


class PlaceQuery(BaseModel):
    workshop: str | None = Field(None, description="The limits of one of its workshops.")


class SpanQuery(BaseModel):
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = Field(
        None, description="The last days; goes before `from` and `to`."
    )
    from_: str | None = Field(
        None, alias="from", description="A day of the hub's zone, or a time with its offset."
    )
    to: str | None = Field(None, description="The last day, or a time with its offset.")
    format: Literal["json", "csv"] = "json"


class _PeriodQuery(SpanQuery):
    workshop: str | None = Field(None, description="One of the community's workshops only.")


class UsageQuery(_PeriodQuery):
    by: Literal["hour", "day", "month", "community", "workshop", "profile", "person"] = "day"


class HeldQuery(_PeriodQuery):
    resource: str = Field("servers", description="As quotas call it.")


class AuditQuery(BaseModel):
    from_: str | None = Field(
        None, alias="from", description="A day of the hub's zone, or a time with its offset."
    )
    to: str | None = Field(None, description="The last day, or a time with its offset.")
    action: str | None = Field(None, description="Such as `invite:revoke`.")
    person: str | None = Field(None, description="A username or an account's id: who, or whom.")
    subject: str | None = Field(None, description="How it begins, such as `invite/`.")
    format: Literal["json", "csv"] | None = Field(
        None, description="All of it as a file, not by pages."
    )


class HelpBody(Body):
    """`PUT …/help`."""

    question: str = Field("", max_length=500)


class AccessBody(Body):
    """`PUT …/help/access`."""

    minutes: Literal[15, 30, 60]


class TickBody(Body):
    """`PATCH …/rehearsal`."""

    step: Literal["lesson", "language"]
