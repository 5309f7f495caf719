"""Help in a workshop: a hand is raised, taken, lowered; and access to one's own server for who comes.

What the Hub was told is taken back by the service, at once and by its timer: see `accesses_over`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..domain.accounts import Account
from ..domain.grants import Actor, Role, Verb, may, require
from ..domain.hands import ACCESS_MINUTES, Hand, ServerAccess, read_question
from ..domain.quotas import Scope
from ..domain.refusals import (
    AccessMinutesInvalid,
    AccessNotOffered,
    HandTaken,
    NobodyComes,
    NotFound,
    ServerNotThere,
    WorkshopClosed,
)
from ..domain.workshops import Workshop
from .audit import record
from .board import HandUp
from .people import ensure_account, load_account
from .ports import Desk, Store
from .workshops import find_workshop

KEPT = timedelta(days=1)  # after its end
_TIMER = "timer"
_END_ACCESS = "help:end-access"


def my_help(desk: Desk, actor: Actor, community: str, slug: str) -> HandUp | None:
    """The hand that I have up, and who comes."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.ASK_FOR_HELP, community, slug)
        return _up(desk, store, workshop, actor.account_id)


def raise_hand(
    desk: Desk, actor: Actor, username: str, community: str, slug: str, question: str
) -> HandUp:
    """Asks for help. Whose hand is up already says something else with it."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.ASK_FOR_HELP, community, slug)
        asked = read_question(question)
        if workshop.state(desk.now).is_over:
            raise WorkshopClosed
        account = ensure_account(desk, store, username)
        up = store.hands.of_person(community, slug, account.id)
        if up is None:
            sites = sorted(actor.sites_of(community, slug))
            is_at_site = may_only_at_site(actor, community, slug)
            hand = Hand(
                id=desk.chance.identifier(),
                community=community,
                workshop=slug,
                site=sites[0] if sites and is_at_site else None,
                account_id=account.id,
                question=asked,
                raised_at=desk.now,
            )
            store.hands.add(hand)
            _audit(desk, store, account.id, Verb.ASK_FOR_HELP, hand)
        elif asked != up.question:
            store.hands.set_question(up.id, asked)
            _audit(desk, store, account.id, Verb.ASK_FOR_HELP, up)
        found = _up(desk, store, workshop, account.id)
        assert found is not None
        return found


def may_only_at_site(actor: Actor, community: str, slug: str) -> bool:
    """Is somebody in the workshop by what was granted for one of its sites only?"""
    return not any(grant.covers(community, slug, None) for grant in actor.grants)


def lower_hand(desk: Desk, actor: Actor, community: str, slug: str) -> None:
    """No help is needed any more: the person's own. Repeating it changes nothing."""
    with desk.database.write() as store:
        hand = _own_hand(store, actor, community, slug)
        if hand is not None:
            _end(desk, store, hand.account_id, hand)


def _own_hand(store: Store, actor: Actor, community: str, slug: str) -> Hand | None:
    """The one that somebody has up in a workshop of theirs."""
    find_workshop(store, actor, community, slug)
    require(actor, Verb.ASK_FOR_HELP, community, slug)
    account_id = actor.account_id
    return None if account_id is None else store.hands.of_person(community, slug, account_id)


def take_hand(desk: Desk, actor: Actor, helper: str, community: str, slug: str, of: str) -> HandUp:
    """Says that one comes. Raises `HandTaken` where somebody else does."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        hand = _answered(desk, store, actor, workshop, of)
        who = ensure_account(desk, store, helper)
        if store.hands.take(hand.id, who.id, desk.now):
            _audit(desk, store, who.id, Verb.ANSWER_HELP, hand)
        elif hand.taken_by is not None and hand.taken_by != who.id:
            other = store.accounts.get(hand.taken_by)
            raise HandTaken(name="" if other is None else other.display_name)
        found = _up(desk, store, workshop, hand.account_id)
        assert found is not None
        return found


def end_hand(desk: Desk, actor: Actor, community: str, slug: str, of: str) -> None:
    """The staff have helped: the hand is down, and access ends with it."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        hand = _answered(desk, store, actor, workshop, of)
        _end(desk, store, actor, hand)


def give_access(desk: Desk, actor: Actor, community: str, slug: str, minutes: int) -> ServerAccess:
    """Lets who comes into one's own server for some minutes, in place of what was given before.

    Raises `AccessNotOffered`, `NobodyComes`, `ServerNotThere` or `AccessMinutesInvalid`.
    """
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.ASK_FOR_HELP, community, slug)
        if not desk.settings.are_servers_apart:
            raise AccessNotOffered
        if minutes not in ACCESS_MINUTES:
            raise AccessMinutesInvalid(choices=tuple(map(str, ACCESS_MINUTES)))
        up = _up(desk, store, workshop, actor.account_id)
        if up is None or up.helper is None or up.helper.id == up.account.id:
            raise NobodyComes
        helper = load_account(desk, store, up.helper).actor()
        if not may(helper, Verb.ANSWER_HELP, community, slug, up.hand.site):
            raise NobodyComes  # who came is of the staff no more
        here = Scope(community, slug)
        servers = [
            lease.server
            for lease in store.leases.of_account(up.account.id)
            if lease.scope == here and lease.active_at is not None
        ]
        if not servers:
            raise ServerNotThere
        store.hands.end_access(up.hand.id, desk.now)
        access = ServerAccess(
            id=desk.chance.identifier(),
            hand_id=up.hand.id,
            community=community,
            workshop=slug,
            server=servers[0],
            owner_id=up.account.id,
            helper_id=up.helper.id,
            starts_at=desk.now,
            ends_at=min(desk.now + timedelta(minutes=minutes), workshop.ends_at),
        )
        store.hands.add_access(access)
        record(
            desk,
            store,
            actor,
            "help:give-access",
            f"account/{up.helper.id}",
            community,
            after={"workshop": slug, "minutes": minutes},
        )
        return access


def end_access(desk: Desk, actor: Actor, community: str, slug: str) -> None:
    """The learner takes it back. Repeating it changes nothing."""
    with desk.database.write() as store:
        hand = _own_hand(store, actor, community, slug)
        if hand is not None:
            _end_access(desk, store, hand.account_id, hand)


# What the service tells the Hub


@dataclass(frozen=True, slots=True)
class Shared:
    """An access with the username of whom it is for."""

    access: ServerAccess
    helper: str


def is_shared(desk: Desk, access_id: str) -> bool:
    """Does it still hold? Asked after the Hub was told, which may have taken its time."""
    with desk.database.read() as store:
        access = store.hands.access(access_id)
        return access is not None and access.holds(desk.now)


def username_of(desk: Desk, account_id: str) -> str | None:
    with desk.database.read() as store:
        account = store.accounts.get(account_id)
        return None if account is None else account.username


def accesses_over(desk: Desk) -> Sequence[Shared]:
    """Those that the Hub has to forget: past their time, taken back, of a workshop that is over, or for
    somebody who is no longer of its staff. Of people who are gone the Hub knows nothing.

    The Hub knows one share of a server with a person: it stays while another access needs it.
    """
    with desk.database.read() as store:
        over, needed = [], set()
        for access in store.hands.accesses_to_remove():
            helper = store.accounts.get(access.helper_id)
            if helper is None:
                continue
            if _is_over(desk, store, access, helper):
                over.append(Shared(access, helper.username))
            else:
                needed.add((access.server, access.helper_id))
        return [one for one in over if (one.access.server, one.access.helper_id) not in needed]


def note_removed(desk: Desk, access_id: str) -> None:
    """The Hub has taken it back."""
    with desk.database.write() as store:
        store.hands.note_removed(access_id, desk.now)


def end_old_hands(desk: Desk) -> int:
    """The timer's part: a hand goes down with its workshop; how many did. Old ones are forgotten."""
    with desk.database.read() as store:
        over = [hand for hand in store.hands.all() if _is_workshop_over(desk, store, hand)]
        if not over and not store.hands.has_old(desk.now - KEPT):
            return 0  # nobody waits for a turn that is not needed
    with desk.database.write() as store:
        for hand in over:
            _end(desk, store, _TIMER, hand)
        store.hands.forget(desk.now - KEPT)
    return len(over)


def _is_over(desk: Desk, store: Store, access: ServerAccess, helper: Account) -> bool:
    if not access.holds(desk.now) or _is_workshop_over(desk, store, access):
        return True
    actor = load_account(desk, store, helper).actor()
    hand = store.hands.get(access.hand_id)
    site = None if hand is None else hand.site
    return hand is None or not may(actor, Verb.ANSWER_HELP, access.community, access.workshop, site)


def _is_workshop_over(desk: Desk, store: Store, one: Hand | ServerAccess) -> bool:
    workshop = store.workshops.get(one.community, one.workshop)
    return workshop is None or workshop.state(desk.now).is_over


def _up(desk: Desk, store: Store, workshop: Workshop, account_id: str | None) -> HandUp | None:
    if account_id is None or workshop.state(desk.now).is_over:
        return None
    hand = store.hands.of_person(workshop.community, workshop.slug, account_id)
    if hand is None:
        return None
    ids = [account_id] if hand.taken_by is None else [account_id, hand.taken_by]
    accounts = store.accounts.names(ids)
    given = [one for one in store.hands.accesses(hand.id) if one.holds(desk.now)]
    return HandUp(
        hand,
        accounts[account_id],
        None if hand.taken_by is None else accounts.get(hand.taken_by),
        given[-1] if given else None,
    )


def _answered(desk: Desk, store: Store, actor: Actor, workshop: Workshop, username: str) -> Hand:
    """The hand of somebody whom the actor may help."""
    place = (workshop.community, workshop.slug)
    lowest_anywhere = may(actor, Verb.ANSWER_HELP, *place) or actor.sites_of(*place, Role.HELPER)
    if not lowest_anywhere:
        require(actor, Verb.ANSWER_HELP, *place)
    account = store.accounts.by_username(username)
    hand = None if account is None else store.hands.of_person(*place, account.id)
    if hand is None or workshop.state(desk.now).is_over:
        raise NotFound(kind="hand")
    require(actor, Verb.ANSWER_HELP, *place, hand.site)
    return hand


def _end(desk: Desk, store: Store, actor: Actor | str, hand: Hand) -> None:
    if not store.hands.end(hand.id, desk.now):
        return
    _audit(desk, store, actor, "help:end", hand)
    _end_access(desk, store, actor, hand)


def _end_access(desk: Desk, store: Store, actor: Actor | str, hand: Hand) -> None:
    if store.hands.end_access(hand.id, desk.now):
        _audit(desk, store, actor, _END_ACCESS, hand)


def _audit(desk: Desk, store: Store, actor: Actor | str, action: str, hand: Hand) -> None:
    """Not the question: it may name people, and the trail is never changed."""
    subject, after = f"account/{hand.account_id}", {"workshop": hand.workshop}
    record(desk, store, actor, action, subject, hand.community, after=after)
