"""Guessing: how often typed codes and keys are looked up, and how late failures are answered.

What these rules promise:

- With `live_codes` open at one time and somebody who guesses day and night for 90 days, the chance
  that any code is hit stays below 1 in 100,000. Numbers that break this are refused.
- Nobody is ever locked out. Failures are answered later and later, up to a few seconds; what is
  typed correctly is never delayed by failures, one's own or a neighbour's.
- When more is typed than may be looked up, browsers that have failed least are served first, then
  those that asked first. Who is turned away and asks again keeps the place of the first time.

Links carry 128 bits and need none of this. A mistyped check letter is noticed before it costs
anything. Seconds are those of any clock that the caller passes; one that steps back locks nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from math import ceil

from .codes import ALPHABET, INVITE_CODE

CLAIM_DAYS = 90
CLAIM_CHANCE = 1 / 100_000
_DAY = 24 * 3600.0
_REMEMBERED = 20_000  # browsers or addresses of which something is known at one time
_PATIENT = 30.0  # seconds within which who was turned away may ask again and keep the place


@dataclass(frozen=True, slots=True)
class GuessingRules:
    """The numbers. Raises `ValueError` with a sentence where they break what is promised."""

    per_second: float = 40.0  # typed attempts that reach a table, on the whole hub
    burst: int = 400  # as many at once, after a quiet while
    live_codes: int = 1_000  # open at one time
    longest_wait: float = 10.0  # seconds for one's turn; longer ones are turned away at once
    free_per_browser: int = 3  # failures answered without delay
    free_per_address: int = 120
    longest_delay: float = 4.0  # seconds until a failure is answered

    def __post_init__(self) -> None:
        if not self.per_second > 0 or self.burst < 1 or self.live_codes < 1:
            raise ValueError("The rate, the burst and the number of live codes must be positive.")
        if not 0 <= self.longest_delay <= 30:
            raise ValueError("Failures may be answered 0 to 30 seconds later, not more.")
        if self.free_per_browser < 0 or self.free_per_address < 0:
            raise ValueError("The number of failures without delay must not be negative.")
        chance = chance_of_a_hit(self)
        if chance >= CLAIM_CHANCE:
            raise ValueError(
                f"With {self.live_codes:,} live codes, {self.per_second:g} typed attempts a second "
                f"and bursts of {self.burst:,}, the chance that somebody guesses a code within "
                f"{CLAIM_DAYS} days is 1 in {int(1 / chance):,}. It must stay below 1 in "
                f"{round(1 / CLAIM_CHANCE):,}: allow fewer attempts a second, or fewer live codes."
            )

    @property
    def longest_line(self) -> int:
        """How many can wait when nobody waits longer than `longest_wait`."""
        return max(1, int(self.per_second * self.longest_wait))

    def failures_of_browsers(self) -> Failures:
        return Failures(
            free=self.free_per_browser, step=0.5, longest=self.longest_delay, forget=30.0
        )

    def failures_of_addresses(self) -> Failures:
        return Failures(
            free=self.free_per_address, step=0.05, longest=self.longest_delay, forget=5.0
        )


def chance_of_a_hit(rules: GuessingRules) -> float:
    """That any live code is hit in the time of the claim, at most: each guess is another code, the
    hub starts anew once a day, and somebody else replaces each code that closes."""
    guesses = rules.per_second * CLAIM_DAYS * _DAY + rules.burst * (CLAIM_DAYS + 1)
    codes: int = len(ALPHABET) ** INVITE_CODE.symbols
    return guesses * rules.live_codes / codes


def neighbourhood(address: str) -> str:
    """Whose failures count together: an IPv4 address, or the network of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


class TokenBucket:
    """So many a second, and so many at once after a quiet while."""

    def __init__(self, per_second: float, burst: int, now: float):
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait(self, now: float) -> float:
        """Seconds until the next one can be taken."""
        self._fill(now)
        return max(0.0, (1 - self._tokens) / self._per_second)

    def _fill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self._per_second
        self._tokens = min(float(self._burst), self._tokens + gained)
        self._at = now


class Failures:
    """How often each of many failed lately. One failure is forgotten every `forget` seconds.

    Each one beyond `free` is answered `step` seconds later than the one before, up to `longest`;
    more are not counted, so that the end of a flood is soon forgotten too.
    """

    def __init__(
        self, *, free: int, step: float, longest: float, forget: float, most: int = _REMEMBERED
    ):
        self._free = free
        self._step = step
        self._longest = longest
        self._forget = forget
        self._most = most
        self._worst = free + ceil(longest / step)
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level, when

    def __len__(self) -> int:
        return len(self._known)

    def count(self, key: str, now: float) -> int:
        level, at = self._known.get(key, (0.0, now))
        return max(0, ceil(level - max(0.0, now - at) / self._forget))

    def add(self, key: str, now: float) -> float:
        """Notes one more; the seconds after which it is to be answered."""
        count = min(self._worst, self.count(key, now) + 1)
        self._known[key] = (count, now)
        self._known.move_to_end(key)
        self._clean(now)
        return min(self._longest, self._step * max(0, count - self._free))

    def _clean(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) <= self._most and self.count(oldest, now):
                return
            del self._known[oldest]


class Line:
    """Who waits to have something looked up: each browser once."""

    def __init__(self, longest: int, most: int = _REMEMBERED):
        self._longest = longest
        self._most = most
        self._waiting: dict[str, tuple[int, float]] = {}  # failures, since
        self._asked: OrderedDict[str, tuple[float, float]] = OrderedDict()  # first, last

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, browser: str, failures: int, now: float) -> str | None:
        """Takes a place. Who has to leave for it, where the line is too long: maybe the newcomer."""
        self._waiting[browser] = (failures, self._since(browser, now))
        if len(self._waiting) <= self._longest:
            return None
        last = max(self._waiting, key=self._waiting.__getitem__)
        del self._waiting[last]
        return last

    def leave(self, browser: str) -> None:
        """Waits no more, but may come back to the same place."""
        self._waiting.pop(browser, None)

    def serve(self) -> str:
        """Whose turn it is. There must be somebody."""
        first = min(self._waiting, key=self._waiting.__getitem__)
        del self._waiting[first]
        self._asked.pop(first, None)
        return first

    def _since(self, browser: str, now: float) -> float:
        since, last = self._asked.pop(browser, (now, now))
        if not 0 <= now - last <= _PATIENT:
            since = now
        self._asked[browser] = (since, now)
        while len(self._asked) > self._most or not self._is_fresh(now):
            self._asked.popitem(last=False)
        return since

    def _is_fresh(self, now: float) -> bool:
        _, last = next(iter(self._asked.values()))
        return 0 <= now - last <= _PATIENT
