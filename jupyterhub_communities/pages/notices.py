"""Notices at the edge: the sentence of each kind, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ..domain.notices import (
    ASK_ANSWERED,
    ERASURE_PLANNED,
    INVITE_INHERITED,
    KEY_APPROVED,
    LENT_TO,
    ROLE_GIVEN,
    Notice,
)
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


def _erasure_planned(notice: Notice, messages: Messages) -> str:
    return messages.gettext(
        "Your account will be erased on %(day)s. Take your files along before, or stop this on the "
        "page “My account”.",
        day=messages.date(datetime.fromisoformat(notice.data["at"])),
    )


def _invite_inherited(notice: Notice, messages: Messages) -> str:
    if not notice.data.get("workshop"):
        return messages.gettext(
            "A code of the community %(community)s is yours now: whoever made it has left.",
            community=notice.data["community"],
        )
    return messages.gettext(
        "A code of the workshop %(workshop)s is yours now: whoever made it has left.",
        workshop=notice.data["workshop"],
    )


def _role_given(notice: Notice, messages: Messages) -> str:
    if notice.data.get("role") == "instructor":
        return messages.gettext(
            "You completed the workshop %(workshop)s and are an instructor of its community now: you "
            "may open workshops.",
            workshop=notice.data["workshop"],
        )
    return messages.gettext(
        "You completed the workshop %(workshop)s and are a helper of its community now: you may help "
        "in its workshops.",
        workshop=notice.data["workshop"],
    )


def _ask_answered(notice: Notice, messages: Messages) -> str:
    sentences = {
        "granted": messages.gettext(
            "The operator granted what the community %(community)s asked for.",
            community=notice.data["community"],
        ),
        "declined": messages.gettext(
            "The operator declined what the community %(community)s asked for. The answer stands on "
            "the page of its cohort.",
            community=notice.data["community"],
        ),
    }
    return sentences.get(notice.data.get("state", "")) or messages.gettext(
        "Another community lends what the community %(community)s asked for.",
        community=notice.data["community"],
    )


def _lent_to(notice: Notice, messages: Messages) -> str:
    return messages.gettext(
        "The community %(lender)s lends something to the community %(community)s. The page of their "
        "cohort says what, and when.",
        lender=notice.data["lender"],
        community=notice.data["community"],
    )


SENTENCES: dict[str, Callable[[Notice, Messages], str]] = {
    KEY_APPROVED: _key_approved,
    INVITE_INHERITED: _invite_inherited,
    ERASURE_PLANNED: _erasure_planned,
    ROLE_GIVEN: _role_given,
    ASK_ANSWERED: _ask_answered,
    LENT_TO: _lent_to,
}
