"""Guessing, in the Hub process: typed codes and keys are looked up in turn, failures answered late.

The rules are `domain.guessing`; here are their clock, the waiting, and what an operator can set.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any, TypeVar

from traitlets import Float, Int, TraitError, validate
from traitlets.config import Configurable

from ..domain.guessing import GuessingRules, Line, TokenBucket, neighbourhood
from ..domain.refusals import (
    FormOutdated,
    InviteClosed,
    InviteRevoked,
    InviteUnknown,
    KeyUnknown,
    TooManyGuesses,
)
from .attempts import AttemptMixin

T = TypeVar("T")

# What a stranger must not tell apart counts alike.
_WRONG = (InviteUnknown, InviteRevoked, InviteClosed, KeyUnknown)
_DEFAULTS = GuessingRules()
_TRAITS = {
    "guesses_per_second": "per_second",
    "guesses_burst": "burst",
    "guesses_live_codes": "live_codes",
    "guesses_free_per_address": "free_per_address",
    "guesses_longest_delay": "longest_delay",
}


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One typed attempt of a browser; `turn` is done when it may be looked up."""

    browser: str
    turn: asyncio.Future[None]


class Guessing:
    """The budgets of one Hub process."""

    def __init__(self, rules: GuessingRules, clock: Callable[[], float] = time.monotonic):
        self._rules = rules
        self._clock = clock
        self._bucket = TokenBucket(rules.per_second, rules.burst, clock())
        self._line = Line(rules.longest_line)
        self._tickets: dict[str, Ticket] = {}  # of those in the line
        self._browsers = rules.failures_of_browsers()
        self._addresses = rules.failures_of_addresses()
        self._is_serving = False

    def ticket(self, browser: str) -> Ticket:
        """A place in the line, or the turn itself where nobody waits."""
        now = self._clock()
        ticket = Ticket(browser, asyncio.get_running_loop().create_future())
        if not self._line and self._bucket.take(now):
            ticket.turn.set_result(None)
            return ticket
        if browser in self._tickets:
            # Pressed twice: the browser listens to the second answer.
            self.turn_away(self._tickets[browser])
        self._tickets[browser] = ticket
        last = self._line.enter(browser, self._browsers.count(browser, now), now)
        if last is not None:
            self.turn_away(self._tickets[last])
        self._serve_later()
        return ticket

    def turn_away(self, ticket: Ticket) -> None:
        """Waits no more. Does nothing to whoever had their turn."""
        self._leave(ticket)
        if not ticket.turn.done():
            seconds = ceil(self._rules.longest_wait / 2)
            ticket.turn.set_exception(TooManyGuesses(seconds=seconds))

    async def look(
        self, ticket: Ticket, lookup: Callable[[], Awaitable[T]], *, address: str = ""
    ) -> T:
        """What `lookup` finds, once it is this ticket's turn. Its failures come late.

        Raises `TooManyGuesses` where the turn does not come.
        """
        loop = asyncio.get_running_loop()
        limit = loop.call_later(self._rules.longest_wait, self.turn_away, ticket)
        try:
            await ticket.turn
        finally:
            limit.cancel()
            self._leave(ticket)
        try:
            return await lookup()
        except _WRONG:
            await asyncio.sleep(self._note_failure(ticket.browser, address))
            raise

    def _note_failure(self, browser: str, address: str) -> float:
        now = self._clock()
        by_address = self._addresses.add(neighbourhood(address), now)
        return max(self._browsers.add(browser, now), by_address)

    def _leave(self, ticket: Ticket) -> None:
        if self._tickets.get(ticket.browser) is ticket:
            del self._tickets[ticket.browser]
            self._line.leave(ticket.browser)

    def _serve_later(self) -> None:
        if self._line and not self._is_serving:
            self._is_serving = True
            wait = self._bucket.wait(self._clock())
            asyncio.get_running_loop().call_later(wait, self._serve)

    def _serve(self) -> None:
        self._is_serving = False
        while self._line and self._bucket.take(self._clock()):
            turn = self._tickets.pop(self._line.serve()).turn
            if not turn.done():  # its request was cancelled in this very moment
                turn.set_result(None)
        self._serve_later()


class GuessingMixin(AttemptMixin):
    """For handlers that look up what people typed."""

    _ticket: Ticket | None = None

    async def guess(self, lookup: Callable[[], Awaitable[T]]) -> T:
        """Looks up in this browser's turn. Only for a form that was drawn for it."""
        is_form = self.request.method == "POST"
        browser = self.form_attempt() if is_form else self.held_attempt()
        if browser is None:
            raise FormOutdated
        guessing: Guessing = self.authenticator.guessing
        self._ticket = guessing.ticket(browser)
        try:
            return await guessing.look(self._ticket, lookup, address=self.request.remote_ip or "")
        except TooManyGuesses as refusal:
            self.set_header("Retry-After", str(refusal.seconds))
            raise

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._ticket is not None:
            self.authenticator.guessing.turn_away(self._ticket)


class GuessingTraits(Configurable):
    """What an operator can set. Together the numbers must keep what `domain.guessing` promises."""

    guesses_per_second = Float(
        _DEFAULTS.per_second,
        help="How many typed codes and return keys are looked up each second, on the whole hub. "
        "More wait their turn, those who have failed least first. The hub does not start with "
        "numbers that make the chance of guessing one of `guesses_live_codes` codes within 90 days "
        "1 in 100,000 or more.",
    ).tag(config=True)

    guesses_burst = Int(
        _DEFAULTS.burst,
        help="How many typed codes and return keys are looked up at once after a quiet while: a "
        "large class that begins together.",
    ).tag(config=True)

    guesses_live_codes = Int(
        _DEFAULTS.live_codes,
        help="How many codes may be open on this hub at one time, for the arithmetic of "
        "`guesses_per_second`. Codes made one for each person count one by one.",
    ).tag(config=True)

    guesses_free_per_address = Int(
        _DEFAULTS.free_per_address,
        help="How many wrong codes and return keys from one address are answered without delay. "
        "One is forgotten every 5 seconds. Right ones are never delayed.",
    ).tag(config=True)

    guesses_longest_delay = Float(
        _DEFAULTS.longest_delay,
        help="How many seconds later a wrong code or return key is answered at most, after many "
        "of them from one browser or address.",
    ).tag(config=True)

    @cached_property
    def guessing(self) -> Guessing:
        return Guessing(self._guessing_rules())

    @validate(*_TRAITS)
    def _keeps_the_promise(self, proposal: Any) -> Any:
        try:
            self._guessing_rules({proposal.trait.name: proposal.value})
        except ValueError as error:
            raise TraitError(str(error)) from error
        return proposal.value

    def _guessing_rules(self, changed: Mapping[str, Any] | None = None) -> GuessingRules:
        return rules_of({name: getattr(self, name) for name in _TRAITS} | dict(changed or {}))


def rules_of(values: Mapping[str, Any]) -> GuessingRules:
    """The rules with these values of traits. Raises `ValueError`."""
    return GuessingRules(**{_TRAITS[name]: values[name] for name in _TRAITS if name in values})
