"""Questions without names, what is told of the answers, costs, and countries by their zones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from jupyterhub_communities.domain.costs import Prices, cost_of
from jupyterhub_communities.domain.countries import check_country, countries_of, country_of_zone
from jupyterhub_communities.domain.feedback import (
    ASKED_FOR,
    Followed,
    is_asked,
    is_told,
    read_missing,
    told,
)
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.refusals import (
    CountryUnknown,
    FeedbackTextInvalid,
    RoleTooHigh,
)
from jupyterhub_communities.domain.training import check_promise, is_due
from jupyterhub_communities.domain.workshops import Session, Site, Workshop

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
TALLER = Workshop(
    community="andes",
    slug="taller",
    title="Taller",
    language="es",
    zone="America/Lima",
    sessions=(Session(NOON - 3 * HOUR, NOON),),
    seats=None,
    profile=None,
    made_by=None,
    created_at=NOON - 9 * HOUR,
)


# Questions


@pytest.mark.parametrize(
    ("closed_at", "now", "asked"),
    [
        (None, NOON - SECOND, False),
        (None, NOON, True),
        (None, NOON + ASKED_FOR - SECOND, True),
        (None, NOON + ASKED_FOR, False),
        # closed before its end
        (NOON - HOUR, NOON - HOUR, True),
        (NOON - HOUR, NOON - HOUR + ASKED_FOR, False),
        # closed by hand days after: the questions are asked from its end on
        (NOON + 9 * HOUR, NOON, True),
        (NOON + 9 * HOUR, NOON + ASKED_FOR, False),
    ],
)
def test_questions_are_asked_for_two_weeks_from_the_end(closed_at, now, asked) -> None:
    assert is_asked(NOON, closed_at, now) is asked


@pytest.mark.parametrize(
    ("unanswered", "now", "is_shown"),
    [
        (0, NOON - SECOND, False),  # nobody has come yet
        (1, NOON, False),
        (0, NOON, True),
        (1, NOON + ASKED_FOR - SECOND, False),
        (1, NOON + ASKED_FOR, True),
    ],
)
def test_answers_are_told_once_nobody_can_answer_any_more(unanswered, now, is_shown) -> None:
    assert is_told(TALLER, unanswered, now) is is_shown


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ((2, 1, 1), (None, None, None)),  # four people in all
        ((5, 0, 0), (5, None, None)),
        ((9, 5, 7), (9, 5, 7)),
        ((6, 3, 7), (None, None, None)),  # 3 alone would be what is missing from 16
        ((9, 1, 2), (9, None, None)),
        ((4, 4, 5), (None, None, None)),  # else 8 could only be 4 and 4
    ],
)
def test_small_counts_are_hidden_and_what_would_tell_them(counts, shown) -> None:
    found = told(dict(zip(Followed, counts, strict=True)))
    assert tuple(found.values()) == shown


def test_no_small_count_follows_from_what_is_told_and_how_many_answered() -> None:
    """Of all answers that would look the same, each hidden number could be another one."""
    alike = defaultdict(set)
    for counts in product(range(12), repeat=3):
        shown = tuple(told(dict(zip("abc", counts, strict=True))).values())
        alike[sum(counts), shown].add(counts)
    for (answers, shown), all_counts in alike.items():
        if answers > 15:
            continue  # some that look the same have a number above 11
        for place, number in enumerate(shown):
            possible = {counts[place] for counts in all_counts}
            if number is None and possible != {0}:
                assert len(possible) > 1, (shown, all_counts)


def test_what_was_missing_is_plain_and_short() -> None:
    assert read_missing("  Más tiempo \r\n") == "Más tiempo"
    assert read_missing(" \n ") is None
    assert len(read_missing("x" * 500)) == 500
    for typed in ("x" * 501, "a\u202eb", "a\0b"):
        with pytest.raises(FeedbackTextInvalid):
            read_missing(typed)


# Promises


@pytest.mark.parametrize(
    ("own", "promised", "may"),
    [
        (Role.INSTRUCTOR, Role.HELPER, True),
        (Role.INSTRUCTOR, Role.INSTRUCTOR, True),
        (Role.CHAMPION, Role.INSTRUCTOR, True),
        (Role.HELPER, Role.INSTRUCTOR, False),
        (Role.CHAMPION, Role.CHAMPION, False),
    ],
)
def test_nobody_promises_more_than_they_may_give_and_no_champions(own, promised, may) -> None:
    if may:
        check_promise(own, promised)
    else:
        with pytest.raises(RoleTooHigh):
            check_promise(own, promised)


def test_a_promise_is_due_to_those_who_hold_less() -> None:
    held = (None, Role.LEARNER, Role.HELPER, Role.INSTRUCTOR, Role.CHAMPION)
    assert [is_due(Role.INSTRUCTOR, role) for role in held] == [True, True, True, False, False]
    assert not is_due(None, None)


# Numbers


def test_a_cost_is_exact_and_what_has_no_price_costs_nothing() -> None:
    prices = Prices("USD", server=Decimal("0.01"), cpu=Decimal("0.1"), gpus={"a100": Decimal(2)})
    spent = {
        "server-time": 3 * 3600,
        "cpu-time": 500 * 3600,
        "memory-time": 2**20 * 3600,
        "gpu-time.a100": 1800,
        "gpu-time.t4": 3600,
    }
    assert cost_of(spent, prices) == Decimal("1.08")
    with_memory = replace(prices, gib=Decimal("0.001"))
    assert cost_of(spent, with_memory) == Decimal("1.081")
    assert cost_of({}, prices) == 0


def test_a_place_is_in_the_country_of_its_zone_unless_somebody_says_another() -> None:
    assert country_of_zone("America/Lima") == "PE"
    assert country_of_zone("Asia/Calcutta") == country_of_zone("Asia/Kolkata") == "IN"
    assert country_of_zone("UTC") is None
    assert countries_of(TALLER) == {"PE"}
    sites = (Site("lima", "Lima", "America/Lima"), Site("paz", "La Paz", "America/Lima", "BO"))
    assert countries_of(replace(TALLER, sites=sites)) == {"PE", "BO"}
    assert countries_of(replace(TALLER, zone="UTC")) == set()


def test_a_country_is_two_letters_of_one_that_there_is() -> None:
    assert check_country(" ke ") == "KE"
    assert check_country("") is check_country(None) is None
    for typed in ("XX", "Peru", "001", "ZZ"):
        with pytest.raises(CountryUnknown):
            check_country(typed)
