"""Notices at the edge: the sentence of each kind, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ..domain.notices import ERASURE_PLANNED, Notice
from ..i18n.messages import Messages


@dataclass(frozen=True, slots=True)
class ShownNotice:
    id: str
    sentence: str


def shown_notices(notices: Iterable[Notice], messages: Messages) -> tuple[ShownNotice, ...]:
    """As the home pages show them. A kind of a newer version is left out."""
    return tuple(
        ShownNotice(notice.id, SENTENCES[notice.kind](notice, messages))
        for notice in notices
        if notice.kind in SENTENCES
    )


def _erasure_planned(notice: Notice, messages: Messages) -> str:
    return messages.gettext(
        "Your account will be erased on %(day)s. Take your files along before, or stop this on the "
        "page “My data”.",
        day=messages.date(datetime.fromisoformat(notice.data["at"])),
    )


SENTENCES: dict[str, Callable[[Notice, Messages], str]] = {
    ERASURE_PLANNED: _erasure_planned,
}
