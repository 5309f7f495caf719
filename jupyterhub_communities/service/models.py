"""What the API takes and gives. Unknown keys are refused; times carry their offset."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from ..application.communities import Membership
from ..application.invites import IssuedInvite
from ..application.issuing import KEEP, InviteChange, NewInvite
from ..application.members import Member
from ..application.people import Person
from ..application.workshops import BoardRow, NewWorkshop, WorkshopView
from ..domain.accounts import Account
from ..domain.audit import AuditEntry
from ..domain.communities import Community
from ..domain.grants import Role
from ..domain.invites import Invite, InviteKind
from ..domain.notices import Notice
from ..domain.reservations import Overbooking
from ..domain.waiting import Ticket
from ..domain.workshops import MOST_SEATS, Session, Site, Workshop
from ..i18n.negotiation import is_language_tag
from ..pages.language import current_messages
from ..pages.notices import shown_notices


def _language(tag: str) -> str:
    if not is_language_tag(tag):
        raise ValueError("expected a language tag such as es, pt-BR or sw")
    return tag


RoleLabel = Literal["learner", "helper", "instructor", "champion"]
Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
Seats = Annotated[int, Field(ge=1, le=MOST_SEATS)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionBody(Body):
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class WorkshopBody(Body):
    """`POST communities/{c}/workshops`."""

    title: str = Field(min_length=1, max_length=500)
    language: Language
    zone: str = Field("UTC", max_length=64)
    sessions: list[SessionBody] = Field(min_length=1, max_length=60)
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


class _NewInviteBody(Body):
    """What codes of all kinds have."""

    role: RoleLabel = "learner"
    workshop: str | None = Field(None, max_length=40)
    site: str | None = Field(None, max_length=40)
    opens_at: AwareDatetime | None = None
    closes_at: AwareDatetime | None = None
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

    names: list[str] = Field(min_length=1, max_length=MOST_SEATS)


class InviteChangeBody(Body):
    """`PATCH communities/{c}/invites/{i}`: what is left out stays; null takes a limit away."""

    seats: Seats | None = None
    opens_at: AwareDatetime | None = None
    closes_at: AwareDatetime | None = None
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


class ErasureBody(Body):
    """`DELETE me`: the username again."""

    username: str = Field(max_length=255)


Json = dict[str, Any]


def person_json(username: str, person: Person, memberships: list[Membership]) -> Json:
    account = person.account
    return {
        "username": username,
        "display_name": account.display_name if account else username,
        "language": account.language if account else None,
        "access": person.access.value,
        "grace_until": person.grace_until.isoformat() if person.grace_until else None,
        "communities": [
            {"community": m.community.slug, "role": m.role.label, "workshops": list(m.workshops)}
            for m in memberships
        ],
    }


def community_json(community: Community) -> Json:
    return {
        "slug": community.slug,
        "names": dict(community.names),
        "language": community.language,
        "contact": community.contact,
        "declared": community.declared,
        "retention_days": community.retention_days,
        "suspended_at": community.suspended_at.isoformat() if community.suspended_at else None,
    }


def block_json(account: Account) -> Json:
    return {
        "username": account.username,
        "blocked_at": account.blocked_at.isoformat() if account.blocked_at else None,
    }


def erasure_json(account: Account) -> Json:
    return {
        "username": account.username,
        "erase_at": account.erase_at.isoformat() if account.erase_at else None,
    }


def workshop_json(workshop: Workshop, now: Any) -> Json:
    return {
        "community": workshop.community,
        "slug": workshop.slug,
        "title": workshop.title,
        "language": workshop.language,
        "zone": workshop.zone,
        "sessions": [
            {"starts_at": s.starts_at.isoformat(), "ends_at": s.ends_at.isoformat()}
            for s in workshop.sessions
        ],
        "seats": workshop.seats,
        "sites": [site_json(site) for site in workshop.sites],
        "profile": workshop.profile,
        "reserved": None if workshop.reserved is None else dict(workshop.reserved),
        "message": workshop.message_at(now),
        "state": workshop.state(now).value,
    }


def workshop_view_json(view: WorkshopView, now: Any) -> Json:
    return {
        **workshop_json(view.workshop, now),
        "servers": {"limit": view.servers.limit, "held": view.servers.held},
        "short": {} if view.reserve is None else dict(view.reserve.short),
    }


def overbooking_json(overbooking: Overbooking) -> Json:
    return {
        "level": "hub" if overbooking.is_hub else "community",
        "resource": overbooking.resource,
        "starts_at": overbooking.starts_at.isoformat(),
        "ends_at": overbooking.ends_at.isoformat(),
        "owned": overbooking.owned,
        "reserved": overbooking.reserved,
        "giving": [
            {
                "community": giving.reservation.scope.community,
                "workshop": giving.reservation.scope.workshop,
                "amount": giving.amount,
            }
            for giving in overbooking.givers
        ],
    }


def invite_json(invite: Invite) -> Json:
    return {
        "id": invite.id,
        "community": invite.community,
        "workshop": invite.workshop,
        "site": invite.site,
        "role": invite.role.label,
        "batch": invite.batch,
        "name": invite.label,
        "kind": invite.kind.value,
        "seats": invite.seats,
        "taken": invite.taken,
        "opens_at": invite.opens_at.isoformat() if invite.opens_at else None,
        "closes_at": invite.closes_at.isoformat() if invite.closes_at else None,
        "paused": invite.paused_at is not None,
        "by_hand": invite.is_by_hand,
        "revoked_at": invite.revoked_at.isoformat() if invite.revoked_at else None,
    }


def issued_json(issued: IssuedInvite, link: str) -> Json:
    return {**invite_json(issued.invite), "code": issued.code, "link": link}


def site_json(site: Site) -> Json:
    return {"slug": site.slug, "name": site.name, "zone": site.zone}


def ticket_json(ticket: Ticket, now: datetime) -> Json:
    return {
        "id": ticket.id,
        "invite": ticket.invite_id,
        "number": ticket.number,
        "name": ticket.name,
        "state": ticket.state(now).value,
        "since": ticket.created_at.isoformat(),
    }


def member_json(member: Member) -> Json:
    return {
        "username": member.account.username,
        "display_name": member.account.display_name,
        "role": member.role.label,
        "workshops": list(member.workshops),
        "since": member.since.isoformat(),
    }


def board_json(row: BoardRow) -> Json:
    return {
        "username": row.account.username,
        "display_name": row.account.display_name,
        "role": row.role.label,
        "joined_at": row.joined_at.isoformat(),
        "server": row.server.value if row.server else None,
        "site": row.site,
        "double": row.is_double,
        "empty": row.is_empty,
    }


def notice_json(notice: Notice) -> Json:
    return {
        "id": notice.id,
        "kind": notice.kind,
        "at": notice.created_at.isoformat(),
        "detail": "".join(n.sentence for n in shown_notices([notice], current_messages())),
    }


def audit_json(entry: AuditEntry) -> Json:
    return {
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "before": dict(entry.before),
        "after": dict(entry.after),
    }
