"""Waiting on the join page: for a seat, or to be let in by hand."""

from __future__ import annotations

from ..application.invites import JoinRequest
from ..application.waiting import find_place, leave_line, wait_in_line
from ..domain.refusals import InviteFull, NameEmpty, NameTooLong, NameUnreadable, Refusal
from ..domain.waiting import TicketState
from ..pages.refusals import status_of
from .kept_code import KeptCodeMixin

LONGEST_TYPED = 200  # characters of a name that are drawn again
NAME_REFUSALS = (NameEmpty, NameTooLong, NameUnreadable)


class WaitingMixin(KeptCodeMixin):
    """The place in line, told by a number. It belongs to the form's attempt."""

    async def wait(self, action: str) -> None:
        """Into the line, or out of it. Then the page tells where one stands."""
        secret, attempt = self._kept_secret(), self.form_attempt()
        try:
            if secret is not None:
                await self._look_up(secret)
            if secret is not None and attempt is not None and action == "leave":
                for own in self._own_attempts():
                    await self.house.run(leave_line, secret, own)
            elif secret is not None and attempt is not None:
                await self._stand_in_line(secret, attempt)
        except NAME_REFUSALS as refusal:
            await self.draw_no_seat(InviteFull(), error=refusal)
            return
        except Refusal as refusal:
            await self._draw_refused(refusal)
            return
        self.go("join")

    async def _stand_in_line(self, secret: str, attempt: str) -> None:
        request = JoinRequest(secret, attempt, self.typed("name"))
        if self.current_user is not None and not self.typed("name"):
            request = self._as_themselves(request)
        await self.house.run(wait_in_line, request)

    async def draw_place(self, secret: str) -> bool:
        """Number and turn, if this device waits. The page asks again by itself; the seat is taken
        by a button."""
        for attempt in self._own_attempts():
            place = await self.house.run(find_place, secret, attempt)
            if place is not None and place.state is not TicketState.ENDED:
                break
        else:
            return False
        is_me = attempt != self.page_attempt()
        await self.draw(
            "waiting.html",
            offer=place.offer,
            place=place,
            is_me=is_me,
            attempt=self.attempt_field(),
        )
        return True

    async def draw_no_seat(self, refusal: Refusal, *, error: Refusal | None = None) -> None:
        """All seats are taken: one may wait, unless the code is personal."""
        if not isinstance(refusal, InviteFull):
            await self._draw_refused(refusal)
            return
        me = None if self.current_user is None else self.current_user.name
        await self.draw(
            "full.html",
            status=status_of(error or refusal),
            message=self.say(refusal),
            me=me,
            typed_name=self.typed("name")[:LONGEST_TYPED],
            error=None if error is None else self.say(error),
            attempt=self.attempt_field(),
        )
