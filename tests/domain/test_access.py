"""The one rule of who may sign in, start and stay."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_communities.domain.access import (
    Access,
    access_of,
    erased_at,
    full_until,
    grace_until,
    last_end,
    stops,
)
from jupyterhub_communities.domain.accounts import Account, AccountKind
from jupyterhub_communities.domain.grants import Grant, Role, Source
from jupyterhub_communities.domain.quotas import HUB, Scope

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GRACE = timedelta(days=14)
DAY = timedelta(days=1)
INVITE, BOUND, UPSTREAM = AccountKind.INVITE, AccountKind.BOUND, AccountKind.UPSTREAM
FULL, IN_GRACE, NONE = Access.FULL, Access.GRACE, Access.NONE


def account(kind=INVITE, **more) -> Account:
    return Account("luz", "luz-1", "Luz", kind, None, NOW - 90 * DAY, **more)


def grant(community="andes", workshop=None, **more) -> Grant:
    first = Grant(
        id=community,
        account_id="luz",
        role=Role.LEARNER,
        community=community,
        workshop=workshop,
        source=Source.INVITE,
        made_by=None,
        starts_at=NOW - 30 * DAY,
    )
    return replace(first, **more)


HELD = grant()
FUTURE = grant(starts_at=NOW + DAY)
LAPSED = grant(ends_at=NOW - DAY)
LAPSES_NOW = grant(ends_at=NOW)
REMOVED = grant(revoked_at=NOW - DAY)
LONG_AGO = grant(ends_at=NOW - GRACE)
BRASIL = grant("brasil")


@pytest.mark.parametrize(
    ("who", "grants", "suspended", "outside", "access"),
    [
        # a grant that holds
        (account(), [HELD], [], True, FULL),
        (account(), [LONG_AGO, HELD], [], False, FULL),
        (account(UPSTREAM), [HELD], [], False, FULL),
        # its end
        (account(), [LAPSED], [], True, IN_GRACE),
        (account(), [LAPSES_NOW], [], True, IN_GRACE),
        (account(), [REMOVED], [], True, IN_GRACE),
        (account(), [LONG_AGO], [], True, NONE),
        (account(), [FUTURE], [], True, NONE),
        (account(), [], [], True, NONE),
        # suspension
        (account(), [HELD], ["andes"], True, NONE),
        (account(), [HELD, BRASIL], ["andes"], True, FULL),
        (account(), [HELD, grant("brasil", ends_at=NOW - DAY)], ["andes"], True, IN_GRACE),
        (account(UPSTREAM), [HELD], ["andes"], True, FULL),
        (account(UPSTREAM), [HELD], ["andes"], False, NONE),
        # block
        (account(blocked_at=NOW - DAY), [HELD], [], True, NONE),
        (account(blocked_at=NOW - DAY), [LAPSED], [], True, NONE),
        (account(UPSTREAM, blocked_at=NOW), [], [], True, NONE),
        # erasure: planned, and begun
        (account(erase_at=NOW + DAY), [HELD], [], True, FULL),
        (account(erase_at=NOW + DAY), [LONG_AGO], [], True, IN_GRACE),
        (account(erase_at=NOW), [HELD], [], True, NONE),
        (account(UPSTREAM, erase_at=NOW), [], [], True, NONE),
        # people of the hub who belong to no community
        (None, [], [], True, FULL),
        (None, [], [], False, NONE),
        (account(UPSTREAM), [], [], True, FULL),
        (account(UPSTREAM), [], [], False, NONE),
        (account(UPSTREAM), [LAPSED], [], True, FULL),
        (account(UPSTREAM), [LAPSED], [], False, IN_GRACE),
        (account(BOUND), [], [], True, FULL),
        (account(BOUND), [LONG_AGO], [], False, NONE),
    ],
)
def test_what_each_may(who, grants, suspended, outside, access) -> None:
    found = access_of(who, grants, suspended, NOW, GRACE, admits_outside=outside)
    assert found is access


def test_no_grace_where_there_are_no_days_of_it() -> None:
    assert access_of(account(), [LAPSED], [], NOW, timedelta()) is NONE


def test_grace_counts_from_the_last_end_and_lasts_until_a_planned_erasure() -> None:
    assert grace_until(account(), [LONG_AGO, REMOVED], NOW, GRACE) == NOW - DAY + GRACE
    planned = account(erase_at=NOW + 20 * DAY)
    assert grace_until(planned, [REMOVED], NOW, GRACE) == NOW + 20 * DAY
    assert grace_until(account(), [], NOW, GRACE) is None


def test_the_last_end_is_none_while_anything_holds() -> None:
    assert last_end([LONG_AGO, REMOVED], NOW) == NOW - DAY
    assert last_end([LONG_AGO, HELD], NOW) is None
    assert last_end([LONG_AGO, grant(ends_at=NOW + DAY)], NOW) is None
    assert last_end([], NOW) is None


TALLER = Scope("andes", "taller")


@pytest.mark.parametrize(
    ("scope", "access", "grants", "suspended", "does"),
    [
        (HUB, NONE, [], [], True),
        (HUB, IN_GRACE, [REMOVED], [], False),
        (Scope("andes"), FULL, [HELD], [], False),
        (TALLER, FULL, [HELD], [], False),
        (TALLER, FULL, [grant(workshop="taller", site="lima")], [], False),
        (Scope("andes"), FULL, [grant(workshop="taller")], [], False),
        (TALLER, IN_GRACE, [grant(workshop="taller", ends_at=NOW)], [], False),
        (TALLER, IN_GRACE, [grant(workshop="taller", revoked_at=NOW)], [], True),
        (TALLER, FULL, [grant(workshop="taller", revoked_at=NOW), BRASIL], [], True),
        # removed once, back again, and lapsed at last
        (TALLER, IN_GRACE, [grant(revoked_at=NOW - DAY), grant(ends_at=NOW)], [], False),
        # a role that was changed
        (Scope("andes"), FULL, [grant(revoked_at=NOW), grant(starts_at=NOW)], [], False),
        (Scope("andes"), FULL, [HELD, BRASIL], ["andes"], True),
        (Scope("brasil"), FULL, [HELD, BRASIL], ["andes"], False),
    ],
)
def test_which_servers_stop_at_once(scope, access, grants, suspended, does) -> None:
    assert stops(scope, access, grants, suspended, NOW) is does


ENDS = grant(ends_at=NOW + 10 * DAY)
MONTH = {"andes": 30 * DAY}


@pytest.mark.parametrize(
    ("who", "grants", "periods", "erased"),
    [
        (account(), [ENDS], MONTH, NOW + 40 * DAY),
        (account(), [REMOVED, ENDS], MONTH, NOW + 40 * DAY),
        # never before the days of grace are over
        (account(), [ENDS], {"andes": DAY}, NOW + 10 * DAY + GRACE),
        # the longest period counts; one without end has no end
        (account(), [ENDS, replace(LAPSED, community="brasil")], MONTH, None),
        (account(), [ENDS, BRASIL], {**MONTH, "brasil": 90 * DAY}, None),
        (account(), [ENDS], {}, None),
        (account(), [], MONTH, None),
        # people of the hub stay
        (account(UPSTREAM), [ENDS], MONTH, None),
        (account(BOUND), [ENDS], MONTH, None),
        # unless it is planned
        (account(UPSTREAM, erase_at=NOW + DAY), [], {}, NOW + DAY),
    ],
)
def test_when_an_account_is_erased(who, grants, periods, erased) -> None:
    assert erased_at(who, grants, periods, GRACE) == erased


def test_access_lasts_as_long_as_the_last_grant_that_holds() -> None:
    assert full_until(account(), [ENDS, grant(ends_at=NOW + DAY)]) == NOW + 10 * DAY
    assert full_until(account(), [ENDS, HELD]) is None
    assert full_until(account(UPSTREAM), [ENDS]) is None
    assert full_until(account(UPSTREAM), [ENDS], admits_outside=False) == NOW + 10 * DAY
