"""What somebody finds on their home page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.notices import Notice
from .feedback import unanswered_of
from .leases import PlaceLeft, left_at_default
from .people import Person, load_person
from .ports import AskedWorkshop, Desk, Store
from .running import ComingStop, stops_of


@dataclass(frozen=True, slots=True)
class WorkshopMessage:
    """What somebody is told by the staff of one of their workshops."""

    title: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class News:
    person: Person
    notices: Sequence[Notice]
    stops: Sequence[ComingStop]
    start: PlaceLeft | None  # what is left where they would start
    messages: Sequence[WorkshopMessage]
    asked: Sequence[AskedWorkshop]  # how they were


def news_of(desk: Desk, username: str, *, has_server: bool = True) -> News:
    """Who somebody is, their notices, when their servers stop, what is left where they would start, and
    what their workshops tell them, in one look. Of who has no server nothing is asked about its stop."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        account = person.account
        return News(
            person,
            [] if account is None else store.notices.of_account(account.id),
            stops_of(desk, store, username) if has_server else (),
            left_at_default(desk, store, person),
            _messages_for(desk, store, person),
            unanswered_of(desk, store, person),
        )


def _messages_for(desk: Desk, store: Store, person: Person) -> Sequence[WorkshopMessage]:
    """Of the workshops that they belong to. Asks nothing where none has a message."""
    found = []
    for community, slug in sorted(person.with_messages):
        workshop = store.workshops.get(community, slug)
        text = None if workshop is None else workshop.message_at(desk.now)
        if workshop is not None and text is not None:
            found.append(WorkshopMessage(workshop.title, workshop.language, text))
    return found
