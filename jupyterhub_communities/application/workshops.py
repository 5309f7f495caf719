"""Workshops: opened, looked at, closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..domain.countries import check_country
from ..domain.grants import Actor, Role, Verb, may, require
from ..domain.invites import STAY_AFTER_WORKSHOP, Invite, InviteKind
from ..domain.limits import Limit, Quota
from ..domain.paging import Page, Part
from ..domain.quotas import Balance, Scope
from ..domain.refusals import (
    InviteUnreadable,
    NotFound,
    ProfileNotOffered,
    SeatsInvalid,
    TooManySites,
    WorkshopClosed,
)
from ..domain.units import SERVERS, Amounts
from ..domain.versions import Expected, check_version
from ..domain.workshops import (
    MOST_SEATS,
    MOST_SITES,
    Session,
    Site,
    Workshop,
    check_seats,
    check_sessions,
    check_zone,
    read_title,
    slug_for,
)
from .audit import record
from .board import NOTHING_SEEN, Board, BoardRow, Seen, sight_of, whole_board
from .communities import find_community
from .invites import IssuedInvite
from .issuing import add_invite, renew, shared_learner_invites, unsealed
from .ports import Desk, Store
from .reservations import Reserve, amounts_for, check_reserve, reserve_of
from .seats import pass_on

MOST_CURRENT = 50  # that a list shows without a second page


@dataclass(frozen=True, slots=True)
class NewWorkshop:
    """What its maker decides about a workshop."""

    title: str
    language: str  # tag, checked at the edge
    zone: str  # IANA name
    sessions: tuple[Session, ...]
    seats: int | None = None
    profile: str | None = None  # slug
    servers: int | None = None  # most servers at one time; None: the community's limit only
    is_reserved: bool = False  # a server for everybody with a seat is kept during the sessions


@dataclass(frozen=True, slots=True)
class OpenedWorkshop:
    workshop: Workshop
    learner_invite: IssuedInvite


@dataclass(frozen=True, slots=True)
class WorkshopView:
    """A workshop with what its staff needs, each part only for those who may."""

    workshop: Workshop
    servers: Balance
    learner_invite: IssuedInvite | None
    live: Board | None
    reserve: Reserve | None = None

    @property
    def board(self) -> tuple[BoardRow, ...] | None:
        return None if self.live is None else self.live.rows


@dataclass(frozen=True, slots=True)
class CurrentWorkshops:
    current: tuple[Workshop, ...]  # the first to begin first, `MOST_CURRENT` at most
    number: int  # also those that are over


def open_workshop(desk: Desk, actor: Actor, community: str, wanted: NewWorkshop) -> OpenedWorkshop:
    """A new workshop with its first learner code. Raises a refusal for what does not hold."""
    with desk.database.write() as store:
        find_community(store, actor, community)
        require(actor, Verb.OPEN_WORKSHOP, community)
        catalogue = desk.settings.catalogue
        if wanted.profile is not None and not catalogue.get(wanted.profile).is_for(community):
            raise ProfileNotOffered
        if wanted.servers is not None and not 0 < wanted.servers <= MOST_SEATS:
            raise SeatsInvalid(most=MOST_SEATS)
        title = read_title(wanted.title)
        workshop = Workshop(
            community=community,
            slug=free_slug(store, community, title),
            title=title,
            language=wanted.language,
            zone=check_zone(wanted.zone),
            sessions=check_sessions(wanted.sessions),
            seats=check_seats(wanted.seats),
            profile=wanted.profile,
            made_by=actor.account_id,
            created_at=desk.now,
        )
        limits = Quota({SERVERS: Limit(most=wanted.servers)})
        return add_workshop(desk, store, actor, workshop, limits, is_reserved=wanted.is_reserved)


def add_workshop(
    desk: Desk, store: Store, actor: Actor, workshop: Workshop, limits: Quota, *, is_reserved: bool
) -> OpenedWorkshop:
    """With its limits, what it reserves, and its first learner code. In the caller's transaction."""
    if is_reserved:
        workshop = _reserving(desk, store, workshop, workshop.seats, limits)
    store.workshops.add(workshop)
    store.limits.set_quota(Scope(workshop.community, workshop.slug), limits)
    after = {
        "title": workshop.title,
        "seats": workshop.seats,
        "language": workshop.language,
        "reserved": _written(workshop.reserved),
    }
    _audit(desk, store, actor, Verb.OPEN_WORKSHOP, workshop, after=after)
    return OpenedWorkshop(workshop, _add_learner_invite(desk, store, actor, workshop))


def _reserving(
    desk: Desk, store: Store, workshop: Workshop, seats: int | None, own: Quota
) -> Workshop:
    amounts = amounts_for(desk, workshop, seats, own)
    reserving = replace(workshop, reserved=amounts, reserved_at=desk.now)
    check_reserve(desk, store, reserving)
    return reserving


def set_reserved(
    desk: Desk,
    actor: Actor,
    community: str,
    slug: str,
    *,
    is_reserved: bool,
    expected: Expected = None,
) -> Workshop:
    """Keeps a server for everybody with a seat during the sessions to come, or no longer.

    Raises `ReservationNeeds` or `ReservationTooLarge`. Repeating it changes nothing.
    """
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.CHANGE_WORKSHOP, community, slug)
        check_version(workshop.version, expected)
        if is_reserved and workshop.state(desk.now).is_over:
            raise WorkshopClosed
        if is_reserved == (workshop.reserved is not None):
            return workshop
        changed = replace(workshop, reserved=None, reserved_at=None)
        if is_reserved:
            own = store.limits.quota(Scope(community, slug))
            seats = store.invites.learner_seats(community, slug)
            changed = _reserving(desk, store, changed, seats, own)
        store.workshops.reserve(community, slug, changed.reserved, desk.now)
        _audit(
            desk,
            store,
            actor,
            Verb.CHANGE_WORKSHOP,
            changed,
            before={"reserved": _written(workshop.reserved)},
            after={"reserved": _written(changed.reserved)},
        )
        return changed


def add_site(
    desk: Desk,
    actor: Actor,
    community: str,
    slug: str,
    *,
    name: str,
    zone: str,
    country: str | None = None,
) -> Site:
    """A place where the workshop is held too. It has no code until one is issued for it. Without a
    country it is in that of its zone."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.CHANGE_WORKSHOP, community, slug)
        if workshop.closed_at is not None:
            raise WorkshopClosed
        if len(workshop.sites) >= MOST_SITES:
            raise TooManySites(most=MOST_SITES)
        title = read_title(name)
        wanted, number = slug_for(title, default="site"), 2
        site = Site(wanted, title, check_zone(zone), check_country(country))
        while workshop.site(site.slug) is not None:
            site, number = replace(site, slug=f"{wanted}-{number}"), number + 1
        store.workshops.add_site(community, slug, site)
        after = {
            "site": site.slug,
            "title": site.name,
            "zone": site.zone,
            "country": site.country,
        }
        _audit(desk, store, actor, Verb.CHANGE_WORKSHOP, workshop, after=after)
        return site


def renew_code(desk: Desk, actor: Actor, community: str, slug: str) -> IssuedInvite:
    """A new learner code for a leaked one, with the seats that are left. Who is in stays in."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.REVOKE_INVITE, community, slug)
        if workshop.state(desk.now).is_over:
            raise WorkshopClosed
        own = learner_invite(store, workshop)
        if own is not None:
            return renew(desk, store, actor, own)
        seats = workshop.seats
        if seats is not None:
            # Also those of codes that were revoked earlier: their people are in.
            seats -= sum(invite.taken for invite in shared_learner_invites(store, workshop))
        return _add_learner_invite(
            desk, store, actor, replace(workshop, seats=None if seats is None else max(0, seats))
        )


def _add_learner_invite(desk: Desk, store: Store, actor: Actor, workshop: Workshop) -> IssuedInvite:
    invite = Invite(
        id=desk.chance.identifier(),
        community=workshop.community,
        workshop=workshop.slug,
        role=Role.LEARNER,
        kind=InviteKind.SHARED,
        seats=workshop.seats,
        taken=0,
        opens_at=None,  # a code works as soon as it is handed out
        closes_at=workshop.ends_at,
        lasts_until=workshop.ends_at + STAY_AFTER_WORKSHOP,
        made_by=actor.answers_for(Role.INSTRUCTOR, workshop.community, workshop.slug),
        created_at=desk.now,
    )
    return add_invite(desk, store, invite, actor)


def learner_invite(store: Store, workshop: Workshop) -> Invite | None:
    """The workshop's own learner code: the newest shared one that was not revoked."""
    return own_code(store, workshop)[0]


def own_code(store: Store, workshop: Workshop) -> tuple[Invite | None, int]:
    """Its own learner code, and the seats of people who came by one that was revoked, and stayed."""
    shared = shared_learner_invites(store, workshop)
    own = next((invite for invite in shared if invite.revoked_at is None), None)
    return own, sum(invite.taken for invite in shared if invite.revoked_at is not None)


def standing(store: Store, workshop: Workshop) -> Workshop:
    """With the seats that its code has by now: on the board they grow one by one."""
    own, lost = own_code(store, workshop)
    if own is None:
        return workshop
    return replace(workshop, seats=None if own.seats is None else own.seats + lost)


def shown_invite(desk: Desk, store: Store, workshop: Workshop) -> IssuedInvite | None:
    """Its learner code; None also for one that cannot be read any more, which opens nothing."""
    own = learner_invite(store, workshop)
    try:
        return None if own is None else unsealed(desk, store, own)
    except InviteUnreadable:
        return None


def close_workshop(desk: Desk, actor: Actor, community: str, slug: str) -> Workshop:
    """Closes it and its codes. Those who are in stay in. Closing twice changes nothing."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.CLOSE_WORKSHOP, community, slug)
        if workshop.closed_at is None:
            store.workshops.close(community, slug, desk.now)
            store.invites.close_all(community, slug, desk.now)
            for invite in store.invites.waited_for(community, slug):
                pass_on(desk, store, invite.id)
            _audit(desk, store, actor, Verb.CLOSE_WORKSHOP, workshop)
        return find_workshop(store, actor, community, slug)


def name_workshop(desk: Desk, actor: Actor, community: str, slug: str) -> Workshop:
    """The workshop alone, for a page that asks something about it."""
    with desk.database.read() as store:
        return find_workshop(store, actor, community, slug)


def view_workshop(
    desk: Desk, actor: Actor, community: str, slug: str, *, seen: Seen = NOTHING_SEEN
) -> WorkshopView:
    """A workshop as this person may see it; `seen` tells who works and who is idle."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        invite = None
        if may(actor, Verb.SHOW_CODE, community, slug):
            workshop = standing(store, workshop)
            invite = shown_invite(desk, store, workshop)
        board = None
        sight = sight_of(actor, community, slug)
        if sight is not None:
            own = learner_invite(store, workshop)
            board = whole_board(desk, store, workshop, own, seen).within(sight)
        balance = store.balances.get(Scope(community, slug), SERVERS)
        reserve = reserve_of(desk, store, workshop)
        return WorkshopView(workshop, balance, invite, board, reserve)


def list_workshops(desk: Desk, actor: Actor, community: str) -> Sequence[Workshop]:
    """Those that this person may know of, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        return [
            workshop
            for workshop in store.workshops.of_community(community)
            if actor.role_at(community, workshop.slug) is not None
        ]


def page_of_workshops(desk: Desk, actor: Actor, community: str, page: Page) -> Part[Workshop]:
    """Those that this person may know of, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        return store.workshops.page(community, _known_to(actor, community), page)


def current_workshops(desk: Desk, actor: Actor, community: str) -> CurrentWorkshops:
    """Of those that this person may know of, the ones that are open or to come."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        among = _known_to(actor, community)
        found = store.workshops.current(community, among, desk.now, MOST_CURRENT)
        return CurrentWorkshops(tuple(found), store.workshops.count(community, among))


def _known_to(actor: Actor, community: str) -> set[str] | None:
    """None: all."""
    if actor.role_at(community) is not None:
        return None
    return {
        grant.workshop
        for grant in actor.grants
        if grant.community == community and grant.workshop is not None
    }


def find_workshop(store: Store, actor: Actor, community: str, slug: str) -> Workshop:
    """Raises `NotFound` also for what exists but is none of the actor's business."""
    workshop = store.workshops.get(community, slug)
    if workshop is None or actor.role_at(community, slug) is None:
        raise NotFound(kind="workshop")
    return workshop


def free_slug(store: Store, community: str, title: str) -> str:
    """A slug for a workshop of this title that no other one of its community has."""
    wanted = slug = slug_for(title)
    number = 2
    # `…/workshops/new` is the form.
    while slug == "new" or store.workshops.get(community, slug) is not None:
        slug, number = f"{wanted}-{number}", number + 1
    return slug


def _written(reserved: Amounts | None) -> dict[str, int] | None:
    return None if reserved is None else dict(reserved)


def _audit(
    desk: Desk,
    store: Store,
    actor: Actor,
    verb: Verb,
    workshop: Workshop,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    subject = f"workshop/{workshop.community}/{workshop.slug}"
    record(desk, store, actor, verb, subject, workshop.community, before=before, after=after)
