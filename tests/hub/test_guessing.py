"""The budgets of a Hub process: whose turn it is, and when failures are answered."""

from __future__ import annotations

import asyncio
import time

import pytest
from hubs import COMMUNITIES
from traitlets import TraitError
from traitlets.config import Config

from jupyterhub_communities import CommunityAuthenticator, configure
from jupyterhub_communities.cli import main
from jupyterhub_communities.domain.guessing import GuessingRules, chance_of_a_hit
from jupyterhub_communities.domain.refusals import InviteUnknown, KeyUnknown, TooManyGuesses
from jupyterhub_communities.hub.guessing import Guessing

pytestmark = pytest.mark.alone

RULES = GuessingRules(per_second=20.0, burst=1, longest_wait=1.0, longest_delay=0.6)


async def hit():
    return "found"


async def miss():
    raise InviteUnknown


def look(guessing: Guessing, browser: str, lookup=hit, address: str = "10.0.0.1"):
    """As a handler does: the ticket is drawn at once, the rest takes its time."""
    return asyncio.ensure_future(guessing.look(guessing.ticket(browser), lookup, address=address))


async def outcomes(*tasks):
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_within_the_burst_waits_for_nothing() -> None:
    guessing = Guessing(GuessingRules(burst=400))
    start = time.monotonic()
    found = await outcomes(*(look(guessing, f"learner {n}") for n in range(400)))
    assert found == ["found"] * 400
    assert time.monotonic() - start < 1


async def test_more_wait_their_turn_and_the_rate_holds() -> None:
    guessing = Guessing(RULES)
    start = time.monotonic()
    found = await outcomes(*(look(guessing, f"learner {n}") for n in range(11)))
    assert found == ["found"] * 11
    assert time.monotonic() - start >= 10 / 20


async def test_who_waits_too_long_is_told_when_to_come_back() -> None:
    guessing = Guessing(RULES)
    found = await outcomes(*(look(guessing, f"flood {n}") for n in range(100)))
    away = [outcome for outcome in found if isinstance(outcome, TooManyGuesses)]
    assert 15 <= found.count("found") <= 21, "the burst, and what is served in the longest wait"
    assert len(away) == 100 - found.count("found")
    assert away[0].seconds == 1
    assert len(guessing._tickets) == len(guessing._line) == 0


async def test_a_flood_from_browsers_that_failed_waits_behind_a_learner() -> None:
    guessing = Guessing(RULES)
    for n in range(20):
        guessing._note_failure(f"flood {n}", "10.0.0.1")
    flood = [look(guessing, f"flood {n}", miss) for n in range(20)]
    await asyncio.sleep(0)
    start = time.monotonic()
    assert await look(guessing, "learner") == "found"
    assert time.monotonic() - start < 0.45
    await outcomes(*flood)


async def test_a_browser_waits_once_and_its_second_press_is_the_one_that_is_answered() -> None:
    guessing = Guessing(RULES)
    assert await look(guessing, "somebody else") == "found"
    first, second = look(guessing, "learner"), look(guessing, "learner")
    [turned_away] = await outcomes(first)
    assert isinstance(turned_away, TooManyGuesses)
    assert await second == "found"


async def test_who_goes_away_leaves_the_line_and_nothing_is_looked_up() -> None:
    guessing = Guessing(RULES)
    looked = []
    await look(guessing, "somebody else")
    gone = look(guessing, "gone", lambda: looked.append(1))
    gone.cancel()
    ticket = guessing.ticket("closed")
    guessing.turn_away(ticket)
    await outcomes(gone)
    with pytest.raises(TooManyGuesses):
        await guessing.look(ticket, hit)
    await asyncio.sleep(0.2)
    assert not looked
    assert not guessing._tickets


async def test_a_request_that_is_cancelled_just_before_its_turn_stops_nobody() -> None:
    guessing = Guessing(RULES)
    await look(guessing, "somebody else")
    gone, learner = look(guessing, "gone"), look(guessing, "learner")
    await asyncio.sleep(0)
    gone.cancel()
    guessing._bucket.take = lambda now: True  # everybody's turn, before the loop runs again
    guessing._serve()
    assert await learner == "found"
    await outcomes(gone)


async def test_turning_away_whoever_had_their_turn_changes_nothing() -> None:
    guessing = Guessing(RULES)
    ticket = guessing.ticket("learner")
    guessing.turn_away(ticket)
    assert await guessing.look(ticket, hit) == "found"


async def test_failures_come_late_and_a_success_after_them_does_not() -> None:
    guessing = Guessing(GuessingRules(longest_delay=0.6))

    async def seconds(lookup) -> float:
        start = time.monotonic()
        await outcomes(look(guessing, "learner", lookup))
        return time.monotonic() - start

    took = [await seconds(miss) for _ in range(6)]
    assert max(took[:3]) < 0.45
    assert took[3] >= 0.5
    assert 0.6 <= took[5] < 1.5, "bounded"
    assert await seconds(hit) < 0.45


async def test_a_flooded_address_delays_no_success_and_no_other_address() -> None:
    guessing = Guessing(GuessingRules(longest_delay=0.5))
    for n in range(1_000):
        guessing._note_failure(f"flood {n}", "10.0.0.1")
    start = time.monotonic()
    assert await look(guessing, "learner") == "found"
    await outcomes(look(guessing, "elsewhere", miss, address="10.0.0.2"))
    assert time.monotonic() - start < 0.45
    await outcomes(look(guessing, "typist", miss))
    assert time.monotonic() - start >= 0.5


async def test_wrong_keys_are_delayed_like_wrong_codes_and_never_locked() -> None:
    async def wrong_key():
        raise KeyUnknown

    guessing = Guessing(GuessingRules(longest_delay=0.01))
    for _ in range(100):
        await outcomes(look(guessing, "learner", wrong_key))
    assert await look(guessing, "learner") == "found"


async def test_a_flood_does_not_hold_the_loop() -> None:
    guessing = Guessing(GuessingRules(burst=1))
    flood = [look(guessing, f"flood {n}", miss) for n in range(5_000)]
    longest, before = 0.0, time.monotonic()
    for _ in range(100):
        await asyncio.sleep(0.001)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
    for task in flood:
        task.cancel()
    await outcomes(*flood)
    assert longest < 2.0, "5,000 arrivals in one go, and 400 of them in the line"
    assert len(guessing._tickets) == 0


# What an operator may set


def make(**values) -> CommunityAuthenticator:
    return CommunityAuthenticator(config=Config(CommunityAuthenticatorMixin=values))


def test_the_configured_numbers_keep_the_promise() -> None:
    assert chance_of_a_hit(make().guessing._rules) < 1e-5
    own = make(guesses_per_second=4.0, guesses_live_codes=10_000).guessing._rules
    assert (own.per_second, own.live_codes) == (4.0, 10_000)
    assert chance_of_a_hit(own) < 1e-5


def test_numbers_that_break_it_are_refused_when_set() -> None:
    with pytest.raises(TraitError, match="must stay below 1 in 100,000"):
        make(guesses_per_second=100.0)
    with pytest.raises(TraitError, match="must stay below 1 in 100,000"):
        make().guesses_live_codes = 2_000


def test_configure_refuses_them_with_a_sentence(tmp_path) -> None:
    c = Config()
    c.CommunityAuthenticatorMixin.guesses_burst = 10**9
    (tmp_path / "communities.yaml").write_text(COMMUNITIES)
    main(["init", "--config", str(tmp_path / "communities.yaml")])
    with pytest.raises(SystemExit, match="must stay below 1 in 100,000"):
        configure(c, tmp_path / "communities.yaml")
