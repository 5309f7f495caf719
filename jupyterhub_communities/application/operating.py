"""What only the operator does: communities founded and archived, a champion where none acts, and all
of the hub at one look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ..domain.access import is_barred
from ..domain.accounts import Account, AccountKind
from ..domain.communities import Community, check_slug, group_name, read_contact, read_names
from ..domain.grants import Actor, Role, Source
from ..domain.metering import METERED
from ..domain.offers import read_username
from ..domain.refusals import Declared, GroupTaken, LastChampion, SlugTaken
from ..domain.texts import LocalText
from .audit import CHAINED_WITHIN, record
from .communities import find_community, is_named
from .dividing import ScopeView, view_quota
from .ending import MARK, close_doors, require_operator
from .members import Member, as_member, give_role, member_of
from .people import ensure_account
from .ports import Desk, Store

LATE_AFTER = timedelta(minutes=5)  # of timers that run every minute or more often


@dataclass(frozen=True, slots=True)
class NewCommunity:
    slug: str
    names: LocalText
    language: str  # tag, checked at the edge
    champions: tuple[str, ...]  # Hub usernames; at least one
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class CommunityRow:
    """One community against the machine."""

    view: ScopeView
    community: Community
    champions: tuple[Account, ...]  # who can act: neither blocked nor being erased
    is_named: bool  # by the operator's file


@dataclass(frozen=True, slots=True)
class Timer:
    """How far something has come that the clock asks for."""

    name: Literal["metering", "ends", "audit"]
    done_until: datetime | None  # None: there was nothing to do yet
    is_late: bool


@dataclass(frozen=True, slots=True)
class HubView:
    here: ScopeView
    rows: tuple[CommunityRow, ...]  # archived ones last
    timers: tuple[Timer, ...]


def view_hub(desk: Desk, actor: Actor) -> HubView:
    """As many statements, however many communities there are."""
    quota = view_quota(desk, actor, None)
    with desk.database.read() as store:
        acting: dict[str, list[Account]] = {}
        champions = store.grants.champions(desk.now)
        accounts = store.accounts.names({grant.account_id for grant in champions})
        for grant in champions:
            account = accounts.get(grant.account_id)
            known = acting.setdefault(grant.community, [])
            if account is not None and not is_barred(account, desk.now) and account not in known:
                known.append(account)
        rows = [
            CommunityRow(
                view,
                view.community,
                tuple(acting.get(view.community.slug, ())),
                is_named(desk, view.community.slug),
            )
            for view in quota.below
            if view.community is not None
        ]
        rows.sort(key=lambda row: row.community.archived_at is not None)
        return HubView(quota.here, tuple(rows), _timers(desk, store))


def view_one(desk: Desk, actor: Actor, slug: str) -> CommunityRow:
    """One community of the hub, for the operator's page about it."""
    require_operator(actor)
    view = view_quota(desk, actor, slug).here
    assert view.community is not None
    with desk.database.read() as store:
        ids = [
            grant.account_id
            for grant in store.grants.champions(desk.now)
            if grant.community == slug
        ]
        accounts = store.accounts.names(ids).values()
        acting = tuple(account for account in accounts if not is_barred(account, desk.now))
    return CommunityRow(view, view.community, acting, is_named(desk, slug))


def _timers(desk: Desk, store: Store) -> tuple[Timer, ...]:
    metered, ended = store.marks.get(METERED), store.marks.get(MARK)
    due = desk.now - LATE_AFTER
    last = store.audit.last_link()
    waiting = store.audit.stretch(last.last_id + 1, None, 1)
    oldest = waiting[0].at if waiting else None
    is_late = oldest is not None and oldest < desk.now - CHAINED_WITHIN
    return (
        Timer("metering", metered, metered is not None and metered < due),
        Timer("ends", ended, ended is not None and ended < due),
        Timer("audit", oldest or desk.now, is_late),
    )


def create_community(
    desk: Desk, actor: Actor, wanted: NewCommunity, *, has_group: bool = False
) -> Community:
    """Beside those that the file declares. `has_group`: the Hub has a group of the name that the
    community's would have, whose people would be taken for its members."""
    require_operator(actor)
    slug = check_slug(wanted.slug)
    community = Community(
        slug=slug,
        names=read_names(wanted.names),
        language=wanted.language,
        contact=read_contact(wanted.contact),
    )
    champions = [read_username(name) for name in wanted.champions]
    if not champions:
        raise LastChampion
    with desk.database.write() as store:
        if is_named(desk, slug) or store.communities.get(slug) is not None:
            raise SlugTaken(slug=slug)
        if has_group:
            raise GroupTaken(name=group_name(desk.settings.group_prefix, slug))
        store.communities.save(community, desk.now)
        record(
            desk,
            store,
            actor,
            "community:create",
            f"community/{slug}",
            slug,
            after={"names": dict(community.names), "language": community.language},
        )
        for username in champions:
            _appoint(desk, store, actor, slug, username)
        return community


def appoint_champion(desk: Desk, actor: Actor, slug: str, username: str) -> Member:
    """Somebody of the hub, who need not belong to the community yet, as if the file named them."""
    require_operator(actor)
    with desk.database.write() as store:
        find_community(store, actor, slug)
        _appoint(desk, store, actor, slug, read_username(username))
        return as_member(*member_of(desk, store, slug, read_username(username)))


def _appoint(desk: Desk, store: Store, actor: Actor, slug: str, username: str) -> None:
    account = ensure_account(desk, store, username)
    if account.kind is AccountKind.UPSTREAM and not account.has_key:
        store.accounts.set_kind(account.id, AccountKind.BOUND)
    grants = [g for g in store.grants.of_account(account.id, desk.now) if g.community == slug]
    if not any(grant.source is Source.DECLARED for grant in grants):
        give_role(desk, store, actor, slug, account, grants, Role.CHAMPION)


def archive_community(desk: Desk, actor: Actor, slug: str) -> Community:
    """It is suspended, and out of the way on the operator's page; resuming it brings it back. What
    the file names is taken out of the file first."""
    require_operator(actor)
    with desk.database.write() as store:
        community = find_community(store, actor, slug)
        if is_named(desk, slug):
            raise Declared
        if community.archived_at is None:
            if community.suspended_at is None:
                close_doors(desk, store, slug, None)
            store.communities.archive(slug, desk.now)
            record(desk, store, actor, "community:archive", f"community/{slug}", slug)
        return store.communities.get(slug) or community


def champions_missing(rows: Sequence[CommunityRow]) -> list[CommunityRow]:
    """Communities where nobody can act."""
    return [row for row in rows if not row.champions and row.community.archived_at is None]
