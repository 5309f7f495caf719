"""Notices at the edge: the sentence of each kind, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..domain.notices import KEY_APPROVED, Notice
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


def _key_approved(notice: Notice, messages: Messages) -> str:
    day = messages.date(notice.created_at)
    if not notice.data.get("by"):
        return messages.gettext(
            "The operator of this hub approved a new return key for you on %(day)s. If you did not "
            "ask for it, tell the people of your community now.",
            day=day,
        )
    return messages.gettext(
        "%(name)s approved a new return key for you on %(day)s. If you did not ask for it, tell "
        "the people of your community now.",
        name=notice.data["by"],
        day=day,
    )


SENTENCES: dict[str, Callable[[Notice, Messages], str]] = {
    KEY_APPROVED: _key_approved,
}
