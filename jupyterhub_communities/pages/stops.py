"""Stops at the edge: what the person of a server is told of its end, in their language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..application.running import ComingStop
from ..domain.stops import StopReason
from ..i18n.messages import Messages


@dataclass(frozen=True, slots=True)
class ShownStop:
    sentence: str
    is_warning: bool  # else only what is known beforehand


def shown_stops(stops: Iterable[ComingStop], messages: Messages) -> tuple[ShownStop, ...]:
    """As the home pages and the page of a start show them: warnings first."""
    ordered = sorted(stops, key=lambda stop: (stop.reason is None, stop.at))
    return tuple(ShownStop(_sentence(stop, messages), stop.reason is not None) for stop in ordered)


def _sentence(stop: ComingStop, messages: Messages) -> str:
    time, server = messages.datetime(stop.at, stop.zone), stop.server_name
    if stop.reason is None:
        if server:
            return messages.gettext(
                "Your server %(server)s runs until %(time)s at the latest.",
                server=server,
                time=time,
            )
        return messages.gettext("Your server runs until %(time)s at the latest.", time=time)
    if server:
        warning = messages.gettext(
            "Your server %(server)s stops on %(time)s. Please save your work before then.",
            server=server,
            time=time,
        )
    else:
        warning = messages.gettext(
            "Your server stops on %(time)s. Please save your work before then.", time=time
        )
    return f"{warning} {reason_in_words(stop.reason, messages)}"


def reason_in_words(reason: StopReason, messages: Messages) -> str:
    """A sentence that follows the warning."""
    return {
        StopReason.MAX_SESSION: messages.gettext("A server may not run any longer here."),
        StopReason.EXHAUSTED: messages.gettext(
            "What may be used here in this period is used up by then."
        ),
        StopReason.WORKSHOP_ENDED: messages.gettext("The workshop is over by then."),
        StopReason.ACCESS_ENDED: messages.gettext("Your access has ended by then."),
    }[reason]
