"""Whether servers can be kept for a workshop, said while its form is filled in."""

from __future__ import annotations

from collections.abc import Callable

from ..application.ports import Desk
from ..application.reservations import Reserve
from ..application.trying import try_out
from ..domain.refusals import Refusal
from ..domain.workshops import Workshop
from ..pages.language import current_messages
from ..pages.quotas import reserve_in_words
from .pages import PageHandler

_GAPS = ("workshop.", "zone.", "profile.")  # of a form that somebody is filling in


class ReservingPage(PageHandler):
    """A page with a workshop's form, whose script asks with `action=check`."""

    async def tell_reserve(self, verb: Callable[[Desk], Workshop] | None) -> None:
        """What would be kept, or why not, in words; nothing where the form has other gaps still."""
        said, fits = "", True
        try:
            if verb is not None:
                workshop = await self.run(try_out, verb)
                said = _in_words(workshop)
        except Refusal as refusal:
            if refusal.code.startswith("reservation."):
                said, fits = self.say(refusal), False
            elif not refusal.code.startswith(_GAPS):
                raise
        self.finish({"says": said, "fits": fits})


def _in_words(workshop: Workshop) -> str:
    kept = None if workshop.reserved is None else Reserve(workshop.reserved)
    return " ".join(reserve_in_words(kept, workshop.zone, current_messages()))
