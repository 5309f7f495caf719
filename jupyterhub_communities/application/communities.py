"""Communities: declared by the operator's file, looked at by their people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from ..domain.accounts import AccountKind
from ..domain.communities import Community
from ..domain.grants import Actor, Grant, Role, Source
from ..domain.limits import Limit, Quota
from ..domain.loans import between, given, received
from ..domain.metering import meter_alike
from ..domain.quotas import HUB, Balance, Scope
from ..domain.refusals import NotFound
from ..domain.units import SERVER_TIME, SERVERS, write_amount
from ..domain.windows import hour_of, write_window
from .audit import OPERATOR, record
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
            if known is None or _as_the_file_says(known) != wanted.community:
                changes.append(
                    Change(f"community {wanted.community.slug}", known, wanted.community)
                )
            changes += _quota_changes(store, Scope(wanted.community.slug), wanted.quota)
            changes += _champion_changes(desk, store, wanted)
        if changes and not dry_run:
            slugs = [None, *(wanted.community.slug for wanted in declared)]
            before = {slug: _declared_state(desk, store, slug) for slug in slugs}
            _write(desk, store, declared, hub_quota)
            for slug in slugs:
                _audit_applied(desk, store, slug, before[slug], _declared_state(desk, store, slug))
        return changes


def my_memberships(desk: Desk, actor: Actor) -> Sequence[Membership]:
    """The communities that a person belongs to; the operator sees all."""
    with desk.database.read() as store:
        return memberships_of(store, actor)


def memberships_of(store: Store, actor: Actor) -> list[Membership]:
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
        community = find_community(store, actor, slug)
        seconds: dict[str | None, int] = {}
        sums = [
            (place.workshop, amounts)
            for place, amounts in store.usage.sums(Scope(slug), since, desk.now, "place")
            if isinstance(place, Scope)
        ]
        sums += [
            (bucket.scope.workshop, amounts)
            for bucket, amounts in meter_alike(store.leases.unmetered_alike(), desk.now).items()
            if bucket.scope.community == slug and bucket.hour >= since
        ]
        for workshop, amounts in sums:
            seconds[workshop] = seconds.get(workshop, 0) + amounts.get(SERVER_TIME, 0)
        by_workshop = {workshop: timedelta(seconds=n) for workshop, n in seconds.items()}
        return Usage(
            servers=_servers_of(desk, store, community),
            server_time=sum(by_workshop.values(), timedelta()),
            since=since,
            by_workshop=by_workshop,
        )


def _servers_of(desk: Desk, store: Store, community: Community) -> Balance:
    """What it holds, and may hold with what is on loan now."""
    slug, scope = community.slug, Scope(community.slug)
    balance = store.balances.get(scope, SERVERS)
    if community.cohort is None or balance.limit is None:
        return balance
    cohorts = {one.slug: one.cohort for one in store.communities.all()}
    loans = between(store.loans.of_community(slug, desk.now), cohorts)
    limit = store.limits.quota(scope).held.get(SERVERS, Limit())
    now = (slug, SERVERS, desk.now)
    return replace(balance, limit=limit.ceiling(received(loans, *now), given(loans, *now)))


def is_named(desk: Desk, slug: str) -> bool:
    """Does the operator's file name the community? Then what it says is read-only."""
    return slug in desk.settings.communities


def _as_the_file_says(known: Community) -> Community:
    """Without what it cannot say."""
    return replace(known, suspended_at=None, shows_people=False, archived_at=None)


def find_community(store: Store, actor: Actor, slug: str) -> Community:
    community = store.communities.get(slug)
    if community is None or not actor.is_member(slug):
        raise NotFound(kind="community")
    return community


def _quota_changes(store: Store, scope: Scope, wanted: Quota) -> list[Change]:
    known = quota_lines(store.limits.quota(scope))
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
    store.limits.set_quota(HUB, hub_quota)
    for wanted in declared:
        slug = wanted.community.slug
        store.communities.save(wanted.community, desk.now)
        store.limits.set_quota(Scope(slug), wanted.quota)
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
    store.limits.add_up_cohorts()


def _declared_state(desk: Desk, store: Store, slug: str | None) -> dict[str, object]:
    """What the file can say of a community, or of the hub, as the audit has it."""
    if slug is None:
        return dict(quota_lines(store.limits.quota(HUB)))
    community = store.communities.get(slug)
    if community is None:
        return {}
    champions = _declared_champions(desk, store, slug).values()
    return {
        "names": dict(community.names),
        "language": community.language,
        "contact": community.contact,
        "cohort": community.cohort,
        "retention_days": community.retention_days,
        "champions": sorted(grant.account_id for grant in champions),
        **quota_lines(store.limits.quota(Scope(slug))),
    }


def _audit_applied(
    desk: Desk,
    store: Store,
    slug: str | None,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    """What became different. A contact is often somebody's own address: only that it changed."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if not changed:
        return
    hidden = {"contact"}
    record(
        desk,
        store,
        OPERATOR,
        "hub:apply" if slug is None else "community:apply",
        "hub" if slug is None else f"community/{slug}",
        slug,
        before={name: before[name] for name in changed if name in before and name not in hidden},
        after={
            name: after[name] if name not in hidden else "changed"
            for name in changed
            if name in after
        },
    )
