"""What somebody finds on their home page, and on the page of a start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.notices import Notice
from .feedback import unanswered_of
from .people import Person, load_person
from .ports import AskedWorkshop, Desk, Store
from .remaining import PlaceLeft, left_at_places, left_beside
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
    left: Sequence[PlaceLeft]  # where they may start, the default first
    messages: Sequence[WorkshopMessage]
    asked: Sequence[AskedWorkshop]  # how they were


@dataclass(frozen=True, slots=True)
class Progress:
    stops: Sequence[ComingStop]  # of all the person's servers
    left: PlaceLeft | None  # where the server is charged, beside what it holds


def news_of(desk: Desk, username: str, *, has_server: bool = True, tells_left: bool = True) -> News:
    """Who somebody is, their notices, when their servers stop, what is left where they may start, and what
    their workshops tell them, in one look. Of who has no server nothing is asked about its stop,
    nor of what is left where the page does not tell it."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        account = person.account
        return News(
            person,
            [] if account is None else store.notices.of_account(account.id),
            stops_of(desk, store, store.leases.of_username(username)) if has_server else (),
            left_at_places(desk, store, person) if tells_left else (),
            _messages_for(desk, store, person),
            unanswered_of(desk, store, person),
        )


def progress_of(desk: Desk, username: str, server_name: str) -> Progress:
    """What the page of a start says of a server, in one look."""
    with desk.database.read() as store:
        leases = store.leases.of_username(username)
        own = next((one for one in leases if one.server.server_name == server_name), None)
        return Progress(
            stops_of(desk, store, leases),
            None if own is None else left_beside(desk, store, own),
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
