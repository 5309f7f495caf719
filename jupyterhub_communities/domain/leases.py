"""Leases: one server's hold on quota, from admission until it is settled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from .quotas import Scope
from .units import Amounts


class LeaseState(StrEnum):
    REQUESTED = "requested"
    ACTIVE = "active"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class ServerKey:
    """What the Hub calls one server."""

    username: str
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    id: str
    server: ServerKey
    account_id: str | None
    scope: Scope  # the innermost scope that is charged
    profile: str | None
    requested_at: datetime
    active_at: datetime | None = None
    settled_at: datetime | None = None
    adopted: bool = False  # found running without a lease; may stand over the limit
    amounts: Amounts = field(default_factory=dict, hash=False)  # what it holds
    metered_until: datetime | None = None  # None: not yet
    ends_at: datetime | None = None  # as far as that is known beforehand
    warned_at: datetime | None = None  # since when its person knows of a stop
    stop_at: datetime | None = None  # when it is to be stopped, and why: see `stops`
    stop_reason: str | None = None
    is_rescue: bool = False  # to save or delete files; may stand over the limit
    is_hub_admin: bool = False  # of an admin of the Hub, who needs no community

    @property
    def charged(self) -> Scope:
        """The innermost scope that its amounts are held at: the person's, under the place."""
        return replace(self.scope, member=self.account_id or self.scope.member)

    @property
    def state(self) -> LeaseState:
        if self.settled_at is not None:
            return LeaseState.SETTLED
        return LeaseState.REQUESTED if self.active_at is None else LeaseState.ACTIVE


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server as the Hub reports it: running, starting or stopping."""

    key: ServerKey
    ready: bool
    is_starting: bool = False  # the Hub waits for it
    # As its options say, if they do: by whomever, so that it is checked.
    profile: str | None = None  # slug
    picked: Mapping[str, str] = field(default_factory=dict)  # within the profile: choice → option
    scope: Scope | None = None  # what it was to be charged to
    is_hub_admin: bool = False  # its user
    last_activity: datetime | None = None  # that the Hub has seen


@dataclass(frozen=True, slots=True)
class Reconciliation:
    settle: tuple[Lease, ...]
    activate: tuple[Lease, ...]
    adopt: tuple[RunningServer, ...]
    snapshot_at: datetime

    def parts(self, most: int) -> Iterator[Reconciliation]:
        """The same, a few at a time."""
        nothing = Reconciliation((), (), (), self.snapshot_at)
        for kind in ("settle", "activate", "adopt"):
            ones = getattr(self, kind)
            for first in range(0, len(ones), most):
                yield replace(nothing, **{kind: ones[first : first + most]})


def reconcile(
    unsettled: Iterable[Lease], servers: Mapping[ServerKey, RunningServer], snapshot_at: datetime
) -> Reconciliation:
    """What to mend so that leases agree with a snapshot of the Hub's servers.

    A lease younger than the snapshot is left alone: its server may not have been there yet.
    """
    leases = {lease.server: lease for lease in unsettled}
    return Reconciliation(
        settle=tuple(
            lease
            for lease in leases.values()
            if lease.server not in servers and lease.requested_at < snapshot_at
        ),
        activate=tuple(
            lease
            for lease in leases.values()
            if lease.active_at is None and lease.server in servers and servers[lease.server].ready
        ),
        adopt=tuple(server for key, server in servers.items() if key not in leases),
        snapshot_at=snapshot_at,
    )
