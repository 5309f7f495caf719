"""Communities: declared by the operator's file, looked at by their people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from ..domain.accounts import AccountKind
from ..domain.audit import AuditEntry
from ..domain.communities import Community
from ..domain.grants import Actor, Grant, Role, Source, Verb, require
from ..domain.limits import Quota
from ..domain.metering import meter
from ..domain.paging import Page, Part
from ..domain.quotas import HUB, Balance, Scope
from ..domain.refusals import NotFound
from ..domain.units import SERVER_TIME, SERVERS, write_amount
from ..domain.windows import hour_of, write_window
from .people import ensure_account
from .ports import Desk, Store


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the operator's file says of one community."""

    community: Community
    quota: Quota = field(default_factory=Quota)
    champions: tuple[str, ...] = ()  # Hub usernames


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what applying the file changes."""

    subject: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Usage:
    """What a community holds now and has spent."""

    servers: Balance
    server_time: timedelta  # over the window
    since: datetime
    by_workshop: Mapping[str | None, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Membership:
    """One community of a person, for their own page."""

    community: Community
    role: Role
    workshops: tuple[str, ...]


def apply_declarations(
    desk: Desk, declared: Sequence[Declaration], hub_quota: Quota, *, dry_run: bool = False
) -> Sequence[Change]:
    """Makes the database agree with the file, and says what changes. Idempotent.

    What the file does not name is left alone.
    """
    with desk.database.write() if not dry_run else desk.database.read() as store:
        changes = _quota_changes(store, HUB, hub_quota)
        for wanted in declared:
            known = store.communities.get(wanted.community.slug)
            if known is None or replace(known, suspended_at=None) != wanted.community:
                changes.append(
                    Change(f"community {wanted.community.slug}", known, wanted.community)
                )
            changes += _quota_changes(store, Scope(wanted.community.slug), wanted.quota)
            changes += _champion_changes(desk, store, wanted)
        if changes and not dry_run:
            _write(desk, store, declared, hub_quota)
        return changes


def my_memberships(desk: Desk, actor: Actor) -> Sequence[Membership]:
    """The communities that a person belongs to; the operator sees all."""
    with desk.database.read() as store:
        memberships = []
        for community in store.communities.all():
            if actor.is_member(community.slug):
                grants = [g for g in actor.grants if g.community == community.slug]
                role = actor.role_at(community.slug) or Role.LEARNER
                workshops = sorted({g.workshop for g in grants if g.workshop is not None})
                memberships.append(Membership(community, role, tuple(workshops)))
        return memberships


def view_community(desk: Desk, actor: Actor, slug: str) -> Community:
    """Raises `NotFound` also for a community that is none of the actor's business."""
    with desk.database.read() as store:
        return find_community(store, actor, slug)


def view_usage(desk: Desk, actor: Actor, slug: str, *, days: int = 30) -> Usage:
    """What the community holds now, and its server time over the last days, by whole hours of UTC."""
    since = hour_of(desk.now - timedelta(days=days))
    with desk.database.read() as store:
        find_community(store, actor, slug)
        seconds: dict[str | None, int] = {}
        sums = [
            (place.workshop, amounts)
            for place, amounts in store.usage.sums(Scope(slug), since, desk.now, "place")
            if isinstance(place, Scope)
        ]
        sums += [
            (bucket.scope.workshop, amounts)
            for bucket, amounts in meter(store.leases.unmetered(), desk.now).items()
            if bucket.scope.community == slug and bucket.hour >= since
        ]
        for workshop, amounts in sums:
            seconds[workshop] = seconds.get(workshop, 0) + amounts.get(SERVER_TIME, 0)
        by_workshop = {workshop: timedelta(seconds=n) for workshop, n in seconds.items()}
        return Usage(
            servers=store.balances.get(Scope(slug), SERVERS),
            server_time=sum(by_workshop.values(), timedelta()),
            since=since,
            by_workshop=by_workshop,
        )


def view_audit(desk: Desk, actor: Actor, slug: str) -> Sequence[AuditEntry]:
    """The latest changes in the community, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, slug)
        require(actor, Verb.VIEW_AUDIT, slug)
        return store.audit.of_community(slug)


def page_of_audit(desk: Desk, actor: Actor, slug: str, page: Page) -> Part[AuditEntry]:
    """All changes in the community, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, slug)
        require(actor, Verb.VIEW_AUDIT, slug)
        return store.audit.page(slug, page)


def find_community(store: Store, actor: Actor, slug: str) -> Community:
    community = store.communities.get(slug)
    if community is None or not actor.is_member(slug):
        raise NotFound(kind="community")
    return community


def _quota_changes(store: Store, scope: Scope, wanted: Quota) -> list[Change]:
    known = quota_lines(store.balances.quota(scope))
    lines = quota_lines(wanted)
    return [
        Change(f"quota {scope.key} {name}", known.get(name), lines.get(name))
        for name in sorted({*known, *lines})
        if known.get(name) != lines.get(name)
    ]


def quota_lines(quota: Quota) -> dict[str, str]:
    """Every limit by a name of its own, as amounts are written in the file."""
    lines = {}
    for resource, limit in quota.held.items():
        parts = {"": limit.most, "each": limit.each}
        if limit.share is not None:
            parts |= asdict(limit.share)
        for name, amount in parts.items():
            if amount is not None:
                lines[f"{resource} {name}".strip()] = write_amount(resource, amount)
        if limit.is_shared_equally:
            lines[f"{resource} each"] = "equal"
    for one in quota.spent:
        each = " each" if one.is_each else ""
        name = f"{one.resource} {write_window(one.allowance.window)}{each}"
        lines[name] = write_amount(one.resource, one.allowance.limit)
    return lines


def _declared_champions(desk: Desk, store: Store, slug: str) -> dict[str, Grant]:
    grants = [
        grant
        for grant in store.grants.of_community(slug, desk.now)
        if grant.source is Source.DECLARED
    ]
    accounts = store.accounts.names(grant.account_id for grant in grants)
    return {
        accounts[grant.account_id].username: grant
        for grant in grants
        if grant.account_id in accounts
    }


def _champion_changes(desk: Desk, store: Store, wanted: Declaration) -> list[Change]:
    slug = wanted.community.slug
    known = set(_declared_champions(desk, store, slug))
    if known == set(wanted.champions):
        return []
    return [Change(f"champions {slug}", sorted(known), sorted(wanted.champions))]


def _write(desk: Desk, store: Store, declared: Sequence[Declaration], hub_quota: Quota) -> None:
    store.balances.set_quota(HUB, hub_quota)
    for wanted in declared:
        slug = wanted.community.slug
        store.communities.save(wanted.community, desk.now)
        store.balances.set_quota(Scope(slug), wanted.quota)
        known = _declared_champions(desk, store, slug)
        gone = [grant.id for name, grant in known.items() if name not in wanted.champions]
        store.grants.revoke(gone, desk.now)
        for username in wanted.champions:
            if username not in known:
                account = ensure_account(desk, store, username)
                if account.kind is AccountKind.UPSTREAM and not account.has_key:
                    # Named by the file: an existing or future Hub user.
                    store.accounts.set_kind(account.id, AccountKind.BOUND)
                store.grants.add(
                    Grant(
                        id=desk.chance.identifier(),
                        account_id=account.id,
                        role=Role.CHAMPION,
                        community=slug,
                        workshop=None,
                        source=Source.DECLARED,
                        made_by=None,
                        starts_at=desk.now,
                    )
                )
        store.audit.add(
            AuditEntry(
                at=desk.now,
                actor="operator",
                action="community:apply",
                subject=f"community/{slug}",
                community=slug,
                after={
                    "quota": quota_lines(wanted.quota),
                    "language": wanted.community.language,
                },
            )
        )
    store.balances.add_up_cohorts()
