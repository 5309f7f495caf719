"""Guessing: what the numbers promise, who waits, and how late failures are answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.guessing import (
    CLAIM_CHANCE,
    Failures,
    GuessingRules,
    Line,
    TokenBucket,
    chance_of_a_hit,
    neighbourhood,
)

RULES = GuessingRules()


def test_a_guesser_of_90_days_hits_one_of_a_thousand_codes_with_less_than_1_in_100_000() -> None:
    assert RULES.live_codes == 1_000
    # 40 a second for 90 days are 311 million guesses, at 1,000 among 2 to the power of 55.
    assert chance_of_a_hit(RULES) == pytest.approx(40 * 90 * 86_400 * 1_000 / 2**55, rel=0.001)
    assert chance_of_a_hit(RULES) < CLAIM_CHANCE == 0.00001


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"per_second": 47.0}, "1 in 98,"),
        ({"live_codes": 1_200}, "1 in 96,"),
        ({"per_second": 8.0, "live_codes": 10_000}, "1 in 57,"),
        ({"burst": 1_000_000}, "bursts of 1,000,000"),
        ({"per_second": 0.0}, "must be positive"),
        ({"per_second": -1.0}, "must be positive"),
        ({"burst": 0}, "must be positive"),
        ({"live_codes": 0}, "must be positive"),
        ({"longest_delay": 31.0}, "0 to 30 seconds"),
        ({"longest_delay": -1.0}, "0 to 30 seconds"),
        ({"per_second": float("nan")}, "must be positive"),
        ({"per_second": float("inf")}, "1 in 0"),
        ({"free_per_address": -1}, "negative"),
    ],
)
def test_numbers_that_break_the_promise_are_refused_with_a_sentence(changes, said) -> None:
    with pytest.raises(ValueError, match=said):
        replace(RULES, **changes)


@pytest.mark.parametrize(
    "changes", [{"per_second": 46.0}, {"per_second": 8.0, "live_codes": 5_000}, {"burst": 10_000}]
)
def test_other_numbers_that_keep_it_are_accepted(changes) -> None:
    assert chance_of_a_hit(replace(RULES, **changes)) < CLAIM_CHANCE


@given(
    st.floats(0.5, 100),
    st.integers(1, 500),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 30)), max_size=60),
)
def test_a_bucket_never_gives_more_than_its_rate_and_one_burst(per_second, burst, asked) -> None:
    bucket = TokenBucket(per_second, burst, now=0.0)
    now, taken = 0.0, 0
    for pause, times in asked:
        now += pause
        taken += sum(bucket.take(now) for _ in range(times))
    assert taken <= burst + per_second * now + 0.001


def test_a_bucket_says_when_the_next_one_is_there() -> None:
    bucket = TokenBucket(4.0, 1, now=0.0)
    assert bucket.take(0.0)
    assert not bucket.take(0.0)
    assert bucket.wait(0.0) == 0.25
    assert bucket.take(0.25)


def test_a_clock_that_steps_back_stops_no_bucket() -> None:
    bucket = TokenBucket(4.0, 2, now=1_000_000.0)
    assert bucket.take(1_000_000.0)
    assert bucket.take(5.0)
    assert not bucket.take(5.0)
    assert bucket.take(5.25), "it fills from the new time on"


def failures(**changes) -> Failures:
    return Failures(**{"free": 3, "step": 0.5, "longest": 4.0, "forget": 30.0, **changes})


def test_failures_are_answered_later_and_later_but_within_seconds() -> None:
    browser = failures()
    delays = [browser.add("a", now) for now in range(20)]
    assert delays[:3] == [0, 0, 0]
    assert delays[3:6] == [0.5, 1.0, 1.5]
    assert max(delays) == delays[-1] == 4.0
    assert delays == sorted(delays)


def test_an_hour_of_failures_is_forgotten_in_minutes() -> None:
    address = RULES.failures_of_addresses()
    for tick in range(40 * 3600):
        last = address.add("10.0.0.1", tick / 40)
    assert last == 4.0
    assert address.add("10.0.0.1", 3600 + 80 * 5) == pytest.approx(0.05)
    assert address.count("10.0.0.1", 3600 + 1_500) == 0


def test_a_class_of_300_with_60_errors_at_one_address_waits_for_nothing() -> None:
    """Even when all of them err within the same second, and each of them three times in a row."""
    address = RULES.failures_of_addresses()
    assert [address.add("10.0.0.1", 0.0) for _ in range(60)] == [0.0] * 60
    browser = RULES.failures_of_browsers()
    assert [browser.add("ana", 0.0) for _ in range(3)] == [0.0] * 3


def test_a_million_fake_browsers_take_no_more_memory_than_20_000() -> None:
    known = failures()
    for number in range(1_000_000):
        known.add(f"browser {number}", number / 1_000_000)
    assert len(known) == 20_000


def test_what_was_forgotten_is_not_kept() -> None:
    known = failures()
    for number in range(1_000):
        known.add(f"browser {number}", 0.0)
    known.add("later", 31.0)
    assert len(known) == 1


def test_a_clock_that_steps_back_punishes_nobody_more() -> None:
    known = failures()
    known.add("a", 1_000.0)
    assert known.count("a", 10.0) == 1
    assert known.add("a", 10.0) == 0
    assert known.count("a", 100.0) == 0, "forgotten from the new time on"


def served(line: Line) -> list[str]:
    return [line.serve() for _ in range(len(line))]


def test_who_failed_least_is_served_first_then_who_asked_first() -> None:
    line = Line(longest=10)
    for now, (browser, failed) in enumerate([("x", 4), ("b", 0), ("y", 1), ("a", 0)]):
        line.enter(browser, failed, now)
    assert served(line) == ["b", "a", "y", "x"]


def test_the_last_leaves_where_the_line_is_too_long() -> None:
    line = Line(longest=2)
    assert line.enter("failed once", 1, 0.0) is None
    assert line.enter("failed often", 5, 1.0) is None
    assert line.enter("new", 0, 2.0) == "failed often"
    assert line.enter("failed twice", 2, 3.0) == "failed twice"
    assert served(line) == ["new", "failed once"]


def test_who_was_turned_away_and_asks_again_keeps_the_place() -> None:
    """A flood of browsers that never failed cannot keep out somebody who asks twice."""
    line = Line(longest=100)
    for number in range(100):
        line.enter(f"flood {number}", 0, 0.0)
    assert line.enter("learner", 0, 1.0) == "learner"
    now = 1.0
    for number in range(100, 300):  # 40 are served each second, and 100 more come
        now += 0.01
        if number % 5 < 2:
            line.serve()
        line.enter(f"flood {number}", 0, now)
    turned_away = line.enter("learner", 0, now)
    assert turned_away not in (None, "learner")
    ahead = served(line).index("learner")
    assert ahead < 30, "before everybody who came after the first time"


def test_a_place_is_kept_for_half_a_minute() -> None:
    line = Line(longest=10)
    line.enter("a", 0, 0.0)
    line.leave("a")
    line.enter("b", 0, 5.0)
    line.enter("a", 0, 31.0)
    assert served(line) == ["b", "a"]


def test_a_browser_stands_in_the_line_once() -> None:
    line = Line(longest=10)
    line.enter("a", 0, 0.0)
    line.enter("a", 1, 1.0)
    assert len(line) == 1


def test_a_million_browsers_that_were_turned_away_take_no_more_memory() -> None:
    line = Line(longest=400)
    for number in range(100_000):
        line.enter(f"browser {number}", 0, number / 100_000)
    assert len(line) == 400
    assert len(line._asked) == 20_000


def test_a_line_survives_a_clock_that_steps_back() -> None:
    line = Line(longest=10)
    line.enter("a", 0, 1_000.0)
    line.enter("b", 0, 10.0)
    line.enter("a", 0, 11.0)
    assert sorted(served(line)) == ["a", "b"]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("nonsense", "", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one, other, is_same) -> None:
    assert (neighbourhood(one) == neighbourhood(other)) == is_same
