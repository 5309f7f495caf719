"""What the API answers. Every answer passes through one of these, and the document is made from
them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from ..application import dividing as quotas
from ..application import histories, members, simulating, usage
from ..application import workshops as application_workshops
from ..application.attendance import Attendance as Attended
from ..application.communities import quota_lines
from ..application.invites import IssuedInvite as Issued
from ..application.mine import Mine
from ..domain import accounts, invites, notices, reservations, waiting, workshops
from ..domain import communities as domain_communities
from ..domain.access import Access
from ..domain.countries import country_of_site
from ..domain.grants import Role
from ..domain.windows import write_window
from ..pages.language import current_messages
from ..pages.notices import shown_notices

Time = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
RoleLabel = Literal["learner", "helper", "instructor", "champion"]
Texts = dict[str, str]  # language tag → text
Amounts = dict[str, int]  # resource → whole base units


class Answer(BaseModel):
    # Each is built when it is first given: all of them would keep the service from its first page.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


# People


class MyCommunity(Answer):
    community: str
    role: RoleLabel
    workshops: list[str]


class Me(Answer):
    username: str
    display_name: str
    language: str | None
    access: Literal["full", "grace", "none"]
    grace_until: Time | None
    access_until: Time | None
    files_until: Time | None
    erased_at: Time | None
    communities: list[MyCommunity]

    @classmethod
    def of(cls, username: str, mine: Mine) -> Me:
        person = mine.person
        account = person.account
        return cls(
            username=username,
            display_name=account.display_name if account else username,
            language=account.language if account else None,
            access=Access(person.access).value,
            grace_until=person.grace_until,
            access_until=mine.access_until,
            files_until=mine.files_until,
            erased_at=mine.erased_at,
            communities=[
                MyCommunity(
                    community=m.community.slug, role=label(m.role), workshops=[*m.workshops]
                )
                for m in (place.membership for place in mine.places)
            ],
        )


class MyUsage(Answer):
    since: Time | None  # None: without an account here
    amounts: Amounts


class NewKey(Answer):
    return_key: str


class Identity(Answer):
    subject: str  # the username at the upstream sign-in


class Member(Answer):
    username: str
    display_name: str
    role: RoleLabel
    workshops: list[str]
    since: Time

    @classmethod
    def of(cls, member: members.Member) -> Member:
        return cls(
            username=member.account.username,
            display_name=member.account.display_name,
            role=label(member.role),
            workshops=[*member.workshops],
            since=member.since,
        )


class Notice(Answer):
    id: str
    kind: str
    at: Time
    detail: str = Field(description="A sentence in the reader's language.")

    @classmethod
    def of(cls, notice: notices.Notice) -> Notice:
        sentences = (shown.sentence for shown in shown_notices([notice], current_messages()))
        return cls(id=notice.id, kind=notice.kind, at=notice.created_at, detail="".join(sentences))


class ApprovedKey(Answer):
    username: str
    display_name: str


class Block(Answer):
    username: str
    blocked_at: Time | None

    @classmethod
    def of(cls, account: accounts.Account) -> Block:
        return cls(username=account.username, blocked_at=account.blocked_at)


class Erasure(Answer):
    username: str
    erase_at: Time | None

    @classmethod
    def of(cls, account: accounts.Account) -> Erasure:
        return cls(username=account.username, erase_at=account.erase_at)


# Communities


class Community(Answer):
    slug: str
    names: Texts
    language: str
    contact: str | None
    declared: bool = Field(description="Named by the operator's file, and read-only here.")
    retention_days: int | None
    shows_people: bool = Field(description="All members see who belongs to it.")
    suspended_at: Time | None
    archived_at: Time | None

    @classmethod
    def of(cls, community: domain_communities.Community) -> Community:
        return cls(
            slug=community.slug,
            names=dict(community.names),
            language=community.language,
            contact=community.contact,
            declared=community.declared,
            retention_days=community.retention_days,
            shows_people=community.shows_people,
            suspended_at=community.suspended_at,
            archived_at=community.archived_at,
        )


class AuditEntry(Answer):
    id: int
    at: Time
    actor: str  # an account's id, or `operator`, `timer` …
    actor_name: str | None  # while it is known
    action: str
    detail: str  # in the reader's language
    subject: str
    subject_name: str | None
    community: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    request_id: str | None


# Invites


class Invite(Answer):
    id: str
    community: str | None
    workshop: str | None
    site: str | None
    role: RoleLabel
    batch: str | None
    name: str | None
    kind: Literal["shared", "personal", "rehearsal"]
    seats: int | None
    taken: int
    opens_at: Time | None
    closes_at: Time | None
    paused: bool
    by_hand: bool
    revoked_at: Time | None

    @classmethod
    def of(cls, invite: invites.Invite) -> Invite:
        return cls(**_invite_fields(invite))


class IssuedInvite(Invite):
    """An invite with what opens it."""

    code: str
    link: str

    @classmethod
    def showing(cls, issued: Issued, link: str) -> IssuedInvite:
        return cls(**_invite_fields(issued.invite), code=issued.code, link=link)


def _invite_fields(invite: invites.Invite) -> dict[str, Any]:
    return {
        "id": invite.id,
        "community": invite.community,
        "workshop": invite.workshop,
        "site": invite.site,
        "role": label(invite.role),
        "batch": invite.batch,
        "name": invite.label,
        "kind": invite.kind.value,
        "seats": invite.seats,
        "taken": invite.taken,
        "opens_at": invite.opens_at,
        "closes_at": invite.closes_at,
        "paused": invite.paused_at is not None,
        "by_hand": invite.is_by_hand,
        "revoked_at": invite.revoked_at,
    }


class Released(Answer):
    released: int = Field(description="How many seats.")


# Workshops


class Session(Answer):
    starts_at: Time
    ends_at: Time


class Site(Answer):
    slug: str
    name: str
    zone: str
    country: str | None = Field(description="ISO 3166-1; by its zone where nobody has said.")

    @classmethod
    def of(cls, site: workshops.Site) -> Site:
        country = country_of_site(site)
        return cls(slug=site.slug, name=site.name, zone=site.zone, country=country)


class Workshop(Answer):
    community: str
    slug: str
    title: str
    language: str
    zone: str
    sessions: list[Session]
    seats: int | None
    sites: list[Site]
    profile: str | None
    reserved: Amounts | None
    message: str | None  # of its staff, for its people
    promised: Literal["helper", "instructor"] | None  # to those who complete it
    state: Literal["planned", "running", "between", "ended", "closed"]

    @classmethod
    def of(cls, workshop: workshops.Workshop, now: datetime) -> Workshop:
        return cls(**_workshop_fields(workshop, now))


class Reserved(Answer):
    """What a workshop would keep for each session; null where it was not asked to."""

    reserved: Amounts | None

    @classmethod
    def of(cls, workshop: workshops.Workshop) -> Reserved:
        return cls(reserved=None if workshop.reserved is None else dict(workshop.reserved))


class OpenedWorkshop(Workshop):
    """A new workshop with its learner code."""

    invite: IssuedInvite

    @classmethod
    def opened(
        cls, workshop: workshops.Workshop, now: datetime, invite: IssuedInvite
    ) -> OpenedWorkshop:
        return cls(**_workshop_fields(workshop, now), invite=invite)


class Message(Answer):
    message: str | None


class Attendee(Answer):
    username: str
    display_name: str
    role: RoleLabel
    site: str | None
    joined_at: Time
    first_start: Time | None
    last_start: Time | None
    server_time: int  # seconds


class Attendance(Answer):
    workshop: str
    people: list[Attendee]

    @classmethod
    def of(cls, found: Attended) -> Attendance:
        return cls(
            workshop=found.workshop.slug,
            people=[
                Attendee(
                    username=one.account.username,
                    display_name=one.account.display_name,
                    role=one.role.label,
                    site=one.site,
                    joined_at=one.joined_at,
                    first_start=one.first_start,
                    last_start=one.last_start,
                    server_time=one.server_time,
                )
                for one in found.people
            ],
        )


class Servers(Answer):
    limit: int | None
    held: int


class WorkshopView(Workshop):
    """A workshop with what its staff needs."""

    servers: Servers
    short: Amounts = Field(description="What will be missing when its next session begins.")
    invite: IssuedInvite | None

    @classmethod
    def viewed(
        cls,
        view: application_workshops.WorkshopView,
        now: datetime,
        invite: IssuedInvite | None,
    ) -> WorkshopView:
        return cls(
            **_workshop_fields(view.workshop, now),
            servers=Servers(limit=view.servers.limit, held=view.servers.held),
            short={} if view.reserve is None else dict(view.reserve.short),
            invite=invite,
        )


def _workshop_fields(workshop: workshops.Workshop, now: datetime) -> dict[str, Any]:
    return {
        "community": workshop.community,
        "slug": workshop.slug,
        "title": workshop.title,
        "language": workshop.language,
        "zone": workshop.zone,
        "sessions": [
            Session(starts_at=one.starts_at, ends_at=one.ends_at) for one in workshop.sessions
        ],
        "seats": workshop.seats,
        "sites": [Site.of(site) for site in workshop.sites],
        "profile": workshop.profile,
        "reserved": None if workshop.reserved is None else dict(workshop.reserved),
        "message": workshop.message_at(now),
        "promised": None if workshop.promised is None else workshop.promised.label,
        "state": workshop.state(now).value,
    }


class Ticket(Answer):
    id: str
    invite: str
    number: int
    name: str
    state: Literal["asking", "waiting", "offered", "ended"]
    since: Time

    @classmethod
    def of(cls, ticket: waiting.Ticket, now: datetime) -> Ticket:
        return cls(
            id=ticket.id,
            invite=ticket.invite_id,
            number=ticket.number,
            name=ticket.name,
            state=ticket.state(now).value,
            since=ticket.created_at,
        )


class Giving(Answer):
    community: str | None
    workshop: str | None
    amount: int


class Overbooking(Answer):
    level: Literal["hub", "community"]
    resource: str
    starts_at: Time
    ends_at: Time
    owned: int
    reserved: int
    giving: list[Giving]

    @classmethod
    def of(cls, overbooking: reservations.Overbooking) -> Overbooking:
        return cls(
            level="hub" if overbooking.is_hub else "community",
            resource=overbooking.resource,
            starts_at=overbooking.starts_at,
            ends_at=overbooking.ends_at,
            owned=overbooking.owned,
            reserved=overbooking.reserved,
            giving=[
                Giving(
                    community=giving.reservation.scope.community,
                    workshop=giving.reservation.scope.workshop,
                    amount=giving.amount,
                )
                for giving in overbooking.givers
            ],
        )


# Quotas and usage: amounts are whole base units


class Held(Answer):
    limit: int | None
    held: int
    reserved: int
    borrowed: int
    lent: int
    left: int | None


class Spent(Answer):
    resource: str
    window: str
    each: bool
    limit: int
    spent: int | None
    left: int | None


class Scope(Answer):
    """A place with its limits, as the operator's file writes them, and what it holds and spent."""

    community: str | None
    workshop: str | None
    limits: Texts
    held: dict[str, Held]
    spent: list[Spent]

    @classmethod
    def of(cls, view: quotas.ScopeView) -> Scope:
        return cls(**_scope_fields(view))


class Quotas(Scope):
    declared: bool = Field(description="The operator's file says the limits.")
    below: list[Scope]

    @classmethod
    def viewed(cls, view: quotas.QuotaView) -> Quotas:
        return cls(
            **_scope_fields(view.here),
            declared=view.is_declared,
            below=[Scope.of(one) for one in view.below],
        )


def _scope_fields(view: quotas.ScopeView) -> dict[str, Any]:
    return {
        "community": view.scope.community,
        "workshop": view.scope.workshop,
        "limits": quota_lines(view.quota),
        "held": {
            row.resource: Held(
                limit=row.most,
                held=row.held,
                reserved=row.reserved,
                borrowed=row.borrowed,
                lent=row.lent,
                left=row.left,
            )
            for row in view.held
        },
        "spent": [
            Spent(
                resource=row.spending.resource,
                window=write_window(row.spending.allowance.window),
                each=row.spending.is_each,
                limit=row.spending.allowance.limit,
                spent=row.spent,
                left=row.left,
            )
            for row in view.spent
        ],
    }


class Exceeded(Answer):
    scope: str
    name: str
    resource: str
    limit: int
    used: int
    wanted: int
    reserved: int


class RefusedStart(Answer):
    at: Time
    username: str
    name: str
    exceeded: list[Exceeded]
    would_fit: Texts | None


class Outcome(Answer):
    """What would have been refused; `first` tells the first of it one by one."""

    days: int
    limits: Texts
    starts: int
    refused: int
    left_out: list[str] = Field(
        description="Resources whose equal parts (`each: equal`) were not tried."
    )
    first: list[RefusedStart]

    @classmethod
    def of(cls, outcome: simulating.Outcome) -> Outcome:
        return cls(
            days=outcome.days,
            limits=dict(outcome.lines),
            starts=outcome.starts,
            refused=outcome.refused,
            left_out=list(outcome.left_out),
            first=[
                RefusedStart(
                    at=one.at,
                    username=one.username,
                    name=one.name,
                    exceeded=[
                        Exceeded(
                            scope=v.scope,
                            name=v.name,
                            resource=v.resource,
                            limit=v.limit,
                            used=v.held,
                            wanted=v.wanted,
                            reserved=v.reserved,
                        )
                        for v in one.violations
                    ],
                    would_fit=dict(one.would_fit) if one.would_fit else None,
                )
                for one in outcome.shown
            ],
        )


class UsageRow(Answer):
    key: str
    name: str
    amounts: Amounts


class Usage(Answer):
    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    by: Literal["hour", "day", "month", "community", "workshop", "profile", "person"]
    rows: list[UsageRow]

    @classmethod
    def of(cls, table: usage.UsageTable) -> Usage:
        return cls(
            start=table.start,
            end=table.end,
            by=table.by,
            rows=[
                UsageRow(key=row.key, name=row.name, amounts=dict(row.amounts))
                for row in table.rows
            ],
        )


class Step(Answer):
    at: Time
    amount: int


class HeldHistory(Answer):
    """Each list has the times from which on an amount was there, the most of each step."""

    resource: str
    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    limit: int | None = Field(description="As it is now.")
    limits: list[Step] = Field(description="The same with what was on loan at each time.")
    held: list[Step]
    reserved: list[Step]
    borrowed: list[Step]
    lent: list[Step]

    @classmethod
    def of(cls, history: histories.HeldHistory) -> HeldHistory:
        lines = {
            name: [Step(at=at, amount=amount) for at, amount in steps]
            for name, steps in history.lines.items()
        }
        return cls(
            resource=history.resource,
            start=history.period.start,
            end=history.period.end,
            limit=history.limit,
            limits=[Step(at=at, amount=amount) for at, amount in history.limits],
            **lines,
        )


# What is wrong


class WrongField(Answer):
    pointer: str = Field(description="Where in the body, as in RFC 6901.")
    detail: str


class Problem(Answer):
    """A problem document (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str = Field(description="A whole sentence in the language of `Accept-Language`.")
    code: str = Field(description="Stable; see the list of refusals.")
    errors: list[WrongField] = []


def label(role: Role) -> RoleLabel:
    found: RoleLabel = role.label  # type: ignore[assignment]
    return found
