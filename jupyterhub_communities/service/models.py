"""What the API takes and gives. Unknown keys are refused; times carry their offset."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from ..application.communities import Membership, Usage
from ..application.invites import IssuedInvite
from ..application.members import Member
from ..application.people import Person
from ..application.workshops import BoardRow, NewWorkshop, WorkshopView
from ..domain.audit import AuditEntry
from ..domain.communities import Community
from ..domain.invites import Invite
from ..domain.workshops import MOST_SEATS, Session, Workshop
from ..i18n.negotiation import is_language_tag


def _language(tag: str) -> str:
    if not is_language_tag(tag):
        raise ValueError("expected a language tag such as es, pt-BR or sw")
    return tag


RoleLabel = Literal["learner", "helper", "instructor", "champion"]
Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
Seats = Annotated[int, Field(ge=1, le=MOST_SEATS)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionBody(_Body):
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class WorkshopBody(_Body):
    """`POST communities/{c}/workshops`."""

    title: str = Field(min_length=1, max_length=500)
    language: Language
    zone: str = Field("UTC", max_length=64)
    sessions: list[SessionBody] = Field(min_length=1, max_length=60)
    seats: Seats | None = None
    profile: str | None = Field(None, max_length=64)
    servers: Seats | None = None

    def wanted(self) -> NewWorkshop:
        return NewWorkshop(
            title=self.title,
            language=self.language,
            zone=self.zone,
            sessions=tuple(Session(s.starts_at, s.ends_at) for s in self.sessions),
            seats=self.seats,
            profile=self.profile,
            servers=self.servers,
        )


class InviteBody(_Body):
    """`POST communities/{c}/invites`."""

    role: RoleLabel = "learner"
    workshop: str | None = Field(None, max_length=40)
    seats: Seats | None = None
    opens_at: AwareDatetime | None = None
    closes_at: AwareDatetime | None = None
    kind: Literal["shared", "personal"] = "shared"


class RoleBody(_Body):
    """`PUT communities/{c}/members/{username}`."""

    role: RoleLabel


class LanguageBody(_Body):
    """`PATCH me`."""

    language: Language


Json = dict[str, Any]


def person_json(username: str, person: Person, memberships: list[Membership]) -> Json:
    account = person.account
    return {
        "username": username,
        "display_name": account.display_name if account else username,
        "language": account.language if account else None,
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
        "profile": workshop.profile,
        "state": workshop.state(now).value,
    }


def workshop_view_json(view: WorkshopView, now: Any) -> Json:
    return {
        **workshop_json(view.workshop, now),
        "servers": {"limit": view.servers.limit, "held": view.servers.held},
    }


def invite_json(invite: Invite) -> Json:
    return {
        "id": invite.id,
        "community": invite.community,
        "workshop": invite.workshop,
        "role": invite.role.label,
        "kind": invite.kind.value,
        "seats": invite.seats,
        "taken": invite.taken,
        "opens_at": invite.opens_at.isoformat() if invite.opens_at else None,
        "closes_at": invite.closes_at.isoformat() if invite.closes_at else None,
        "revoked_at": invite.revoked_at.isoformat() if invite.revoked_at else None,
    }


def issued_json(issued: IssuedInvite, link: str) -> Json:
    return {**invite_json(issued.invite), "code": issued.code, "link": link}


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
    }


def usage_json(usage: Usage) -> Json:
    return {
        "since": usage.since.isoformat(),
        "servers": {"limit": usage.servers.limit, "held": usage.servers.held},
        "server_seconds": round(usage.server_time.total_seconds()),
        "by_workshop": {
            workshop or "": round(spent.total_seconds())
            for workshop, spent in usage.by_workshop.items()
        },
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
