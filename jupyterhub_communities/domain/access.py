"""May somebody sign in, start a server and stay? One rule, asked by everything that asks.

A grant of a suspended community opens nothing meanwhile. Days of grace follow the end of the last
grant, for taking files along. Who is blocked, or is being erased, has no access at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from .accounts import Account, AccountKind
from .grants import CLOCK_SLACK, Grant, unlapsed
from .quotas import Scope

ERASED_AFTER = timedelta(days=7)  # in which the person can stop it


class Access(StrEnum):
    FULL = "full"
    GRACE = "grace"  # to take files along: one server of the rescue profile
    NONE = "none"


def access_of(
    account: Account | None,
    grants: Iterable[Grant],
    suspended: Collection[str],
    now: datetime,
    grace: timedelta,
    *,
    admits_outside: bool = True,
) -> Access:
    """From all grants that somebody was ever given, and the communities that are suspended.

    `account` None: a Hub user unknown to us. `admits_outside`: people of the hub who came in
    otherwise than by a code need no community; whether they may sign in, upstream says.
    """
    grants = tuple(grants)
    if account is not None and is_barred(account, now):
        return Access.NONE
    if held(grants, suspended, now):
        return Access.FULL
    if admits_outside and (account is None or account.kind is not AccountKind.INVITE):
        return Access.FULL
    until = None if account is None else grace_until(account, grants, now, grace)
    return Access.GRACE if until is not None and now < until else Access.NONE


def is_barred(account: Account, now: datetime) -> bool:
    """Blocked, or being erased: whatever they were given opens nothing."""
    return account.blocked_at is not None or is_being_erased(account, now)


def is_being_erased(account: Account, now: datetime) -> bool:
    return account.erase_at is not None and account.erase_at <= now


def held(grants: Iterable[Grant], suspended: Collection[str], now: datetime) -> tuple[Grant, ...]:
    """The grants that open something now."""
    return tuple(grant for grant in unlapsed(grants, now) if grant.community not in suspended)


def end_of(grant: Grant) -> datetime | None:
    """When a grant ends or ended; None: without end."""
    return min((end for end in (grant.ends_at, grant.revoked_at) if end is not None), default=None)


def last_end(grants: Iterable[Grant], now: datetime) -> datetime | None:
    """When the last of the grants that have begun ended. None where one has no end yet, or none
    was ever given."""
    ends = [end_of(grant) for grant in grants if grant.starts_at <= now]
    past = [end for end in ends if end is not None and end <= now]
    return max(past) if past and len(past) == len(ends) else None


def grace_until(
    account: Account, grants: Iterable[Grant], now: datetime, grace: timedelta
) -> datetime | None:
    """Until when somebody without a grant may take their files along: some days after the last
    grant's end, and until a planned erasure. None for somebody who never had a grant."""
    ends = [end for grant in grants if (end := end_of(grant)) is not None and end <= now]
    untils = [end + grace for end in ends]
    if account.erase_at is not None:
        untils.append(account.erase_at)
    return max(untils, default=None)


def stops(
    scope: Scope,
    access: Access,
    grants: Collection[Grant],
    suspended: Collection[str],
    now: datetime,
) -> bool:
    """Does a running server that is charged to `scope` stop at once, without a warning?

    It does for somebody without access, and where the person was removed from its place or the
    place is suspended. Where a grant lapses by itself, `domain.stops` has the rules.
    """
    if access is Access.NONE:
        return True
    if scope.community is None or any(_covers(g, scope) for g in held(grants, suspended, now)):
        return False
    if scope.community in suspended:
        return True
    ended = [(end, grant) for grant in grants if _covers(grant, scope) and (end := end_of(grant))]
    if not ended:
        return False
    end, last = max(ended, key=lambda pair: pair[0])
    return last.revoked_at == end


def place_ends_at(scope: Scope, grants: Iterable[Grant], now: datetime) -> datetime | None:
    """When what the person was granted at a place ends by itself, or has ended. None: something of it
    has no end, or nothing was ever granted there."""
    if scope.community is None:
        return None
    return _last(
        end_of(grant)
        for grant in grants
        if _covers(grant, scope) and grant.starts_at <= now + CLOCK_SLACK
    )


def full_until(
    account: Account, grants: Iterable[Grant], *, admits_outside: bool = True
) -> datetime | None:
    """When the access that somebody has by these grants ends, and the days of grace begin. None: it does
    not end by itself."""
    if admits_outside and account.kind is not AccountKind.INVITE:
        return None
    return _last(end_of(grant) for grant in grants)


def access_ends_at(
    account: Account, grants: Iterable[Grant], grace: timedelta, *, admits_outside: bool = True
) -> datetime | None:
    """When somebody will have no access at all, if they are granted nothing more. None: never."""
    if account.erase_at is not None:
        return account.erase_at
    if admits_outside and account.kind is not AccountKind.INVITE:
        return None
    last = _last(end_of(grant) for grant in grants)
    return None if last is None else last + grace


def kept_for(
    grants: Iterable[Grant], periods: Mapping[str, timedelta], grace: timedelta
) -> timedelta | None:
    """How long after the last end somebody's account is kept: the longest that one of their
    communities says, never less than the days of grace. None: one of them keeps it without end."""
    found = [periods.get(grant.community) for grant in grants]
    known = [period for period in found if period is not None]
    return max([*known, grace]) if found and len(known) == len(found) else None


def erased_at(
    account: Account,
    grants: Collection[Grant],
    periods: Mapping[str, timedelta],
    grace: timedelta,
    *,
    admits_outside: bool = True,
) -> datetime | None:
    """When all that is held about somebody is erased, if they are granted nothing more. None: not by
    itself."""
    if account.erase_at is not None:
        return account.erase_at
    last, period = _last(end_of(grant) for grant in grants), kept_for(grants, periods, grace)
    is_outside = admits_outside and account.kind is not AccountKind.INVITE
    return None if is_outside or last is None or period is None else last + period


def _last(ends: Iterable[datetime | None]) -> datetime | None:
    """None among them stands for no end."""
    found = list(ends)
    known = [end for end in found if end is not None]
    return max(known) if known and len(known) == len(found) else None


def _covers(grant: Grant, scope: Scope) -> bool:
    """Whatever the site: servers are charged to workshops and communities."""
    return grant.community == scope.community and grant.workshop in (None, scope.workshop)
