"""Healing: leases agree with the servers that the Hub reports, and counters with the leases.

What is to be mended is found by reading, which keeps nobody waiting, and mended a few at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..domain.leases import Lease, Reconciliation, RunningServer, ServerKey, reconcile
from ..domain.ledger import Request
from ..domain.profiles import Profile
from ..domain.quotas import HUB
from ..domain.refusals import Refusal
from .admission import hold, set_aside
from .leases import settle_lease
from .people import load_person
from .places import ranked
from .ports import Desk, Store

CORRECTED_AT_ONE_TIME = 500  # counters written in one transaction


@dataclass(frozen=True, slots=True)
class Mended:
    settled: tuple[Lease, ...] = ()
    adopted: tuple[Lease, ...] = ()


def find_mends(
    desk: Desk, servers: Mapping[ServerKey, RunningServer], snapshot_at: datetime
) -> Reconciliation:
    """Where the leases differ from a snapshot of the Hub's servers, taken at `snapshot_at`."""
    with desk.database.read() as store:
        return reconcile(store.leases.unsettled(), servers, snapshot_at)


def mend_leases(desk: Desk, found: Reconciliation) -> Mended:
    """Mends what was found, save what others have mended since. One transaction: see
    `Reconciliation.parts`."""
    with desk.database.write() as store:
        settled = tuple(lease for lease in found.settle if settle_lease(desk, store, lease))
        store.leases.activate([lease.id for lease in found.activate], desk.now)
        stopped = store.leases.stopped_since({one.key for one in found.adopt}, found.snapshot_at)
        adopted = tuple(
            _adopt(desk, store, server)
            for server in found.adopt
            if server.key not in stopped and store.leases.of_server(server.key) is None
        )
        return Mended(settled, adopted)


def recount(desk: Desk) -> int:
    """Compares every counter with the leases behind it, and mends those that differ; how many did.
    Admission and settling keep them right: this is a safety net."""
    with desk.database.read() as store:
        wrong = store.balances.miscounted()
    keys = sorted(wrong)
    for first in range(0, len(keys), CORRECTED_AT_ONE_TIME):
        with desk.database.write() as store:
            some = keys[first : first + CORRECTED_AT_ONE_TIME]
            store.balances.correct({key: wrong[key] for key in some})
    with desk.database.write() as store:
        return len(wrong) + store.limits.add_up_cohorts()


def _adopt(desk: Desk, store: Store, server: RunningServer) -> Lease:
    """A lease for a server that runs already, even over the limit."""
    person = load_person(desk, store, server.key.username)
    scopes = list(ranked(desk, store, person))
    profile = _profile_of(desk, server)
    lease = Lease(
        id=desk.chance.identifier(),
        server=server.key,
        account_id=None if person.account is None else person.account.id,
        scope=server.scope if server.scope in scopes else next(iter(scopes), HUB),
        profile=server.profile,
        requested_at=desk.now,
        active_at=desk.now if server.ready else None,
        adopted=True,
        is_hub_admin=server.is_hub_admin,
        amounts=set_aside(None, profile),
    )
    hold(desk, store, Request(lease.charged, lease.amounts), is_capped=False)
    store.leases.add(lease)
    return lease


def _profile_of(desk: Desk, server: RunningServer) -> Profile | None:
    """With what was chosen within it, if that is offered still."""
    slug = desk.settings.catalogue.current_slug(server.profile)
    if slug is None:
        return None
    profile = desk.settings.catalogue.get(slug)
    try:
        return profile.with_choices(server.picked)
    except Refusal:
        return profile.with_choices({})
