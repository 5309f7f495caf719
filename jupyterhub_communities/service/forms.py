"""The workshop form: what was typed, what it means, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from ..application.workshops import NewWorkshop
from ..domain.refusals import Refusal, ZoneInvalid
from ..domain.workshops import MOST_SEATS, MOST_SESSIONS, Session, check_zone
from ..i18n.messages import offered
from ..i18n.negotiation import is_language_tag
from ..pages.language import current_messages

ROWS = 2  # sessions that the form begins with
_FIELDS = ("title", "language", "zone", "seats", "servers", "profile", "reserved")
_LONGEST = 300  # characters of a field that are drawn again
_FIELD_OF = {
    "workshop.title": "title",
    "workshop.sessions": "sessions",
    "workshop.seats": "seats",
    "workshop.seats_taken": "seats",
    "zone.unknown": "zone",
    "profile.not_offered": "profile",
    "profile.unknown": "profile",
    "reservation.needs": "reserved",
    "reservation.too_large": "reserved",
}
# Languages that workshops are held in, beyond those of the pages.
_WORKSHOP_LANGUAGES = ("ar", "en", "es", "fr", "pt-BR", "sw")


@dataclass
class WorkshopForm:
    """The fields as typed, and a sentence for each that is wrong."""

    values: dict[str, str]
    rows: list[tuple[str, str, str]]  # day, from, to
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, language: str, now: datetime) -> WorkshopForm:
        values = dict.fromkeys(_FIELDS, "")
        values.update(language=language, zone="UTC", seats="30")
        today = now.date().isoformat()
        return cls(values, [(today, "09:00", "12:00"), *[("", "", "")] * (ROWS - 1)])

    @classmethod
    def read(cls, argument: Callable[[str, str], str | None]) -> Self:
        values = {name: (argument(name, "") or "")[:_LONGEST].strip() for name in _FIELDS}
        rows = []
        for number in range(MOST_SESSIONS):
            row = tuple(
                (argument(f"{part}_{number}", "") or "")[:20] for part in ("day", "from", "to")
            )
            rows.append((row[0], row[1], row[2]))
        while len(rows) > ROWS and not any(rows[-1]):
            rows.pop()
        return cls(values, rows)

    def with_another_row(self) -> Self:
        return replace(self, rows=[*self.rows, ("", "", "")][:MOST_SESSIONS])

    def parse(self) -> NewWorkshop | None:
        """What was meant; None with `errors` set where a field cannot be read."""
        messages = current_messages()
        seats = self._number("seats")
        servers = self._number("servers")
        if not is_language_tag(self.values["language"]):
            self.errors["language"] = messages.gettext("Please choose a language.")
        try:
            zone = ZoneInfo(check_zone(self.values["zone"]))
        except ZoneInvalid as refusal:
            self.errors["zone"] = messages.gettext(
                "%(zone)s is not a time zone.", zone=refusal.zone
            )
            return None
        sessions = self._sessions(zone)
        if self.errors:
            return None
        return NewWorkshop(
            title=self.values["title"],
            language=self.values["language"],
            zone=self.values["zone"],
            sessions=tuple(sessions),
            seats=seats,
            profile=self.values["profile"] or None,
            servers=servers,
            is_reserved=bool(self.values["reserved"]),
        )

    def refuse(self, refusal: Refusal, sentence: str) -> None:
        """Puts a verb's refusal at the field that it is about."""
        self.errors[_FIELD_OF.get(refusal.code, "form")] = sentence

    def _number(self, name: str) -> int | None:
        return read_number(self.values, name, MOST_SEATS, self.errors)

    def _sessions(self, zone: ZoneInfo) -> list[Session]:
        sessions = []
        for number, row in enumerate(self.rows):
            if not any(row):
                continue
            try:
                sessions.append(self._session(number, zone))
            except (ValueError, OverflowError):  # the calendar ends with the year 9999
                self.errors["sessions"] = current_messages().gettext(
                    "Please give day, start and end of each session."
                )
                return []
        if not sessions:
            self.errors["sessions"] = current_messages().gettext(
                "Please give at least one session."
            )
        return sessions

    def _session(self, number: int, zone: ZoneInfo, *, days: int = 0) -> Session:
        """What a row says; it ends so many days later. Raises `ValueError` and `OverflowError`."""
        day, start, end = self.rows[number]
        on = date.fromisoformat(day)
        starts_at = datetime.combine(on, time.fromisoformat(start), zone)
        ends_at = datetime.combine(on + timedelta(days), time.fromisoformat(end), zone)
        if ends_at <= starts_at and ends_at.time() == time(0):
            ends_at += timedelta(days=1)  # until midnight
        return Session(starts_at, ends_at)


def read_number(
    values: Mapping[str, str], name: str, most: int, errors: dict[str, str]
) -> int | None:
    """None for an empty field, and for one that cannot be read, with a sentence in `errors`."""
    typed = values[name].strip()
    if not typed:
        return None
    if not typed.isdecimal() or not 0 < int(typed) <= most:
        errors[name] = current_messages().gettext(
            "Please give a number from 1 to %(most)s.", most=most
        )
        return None
    return int(typed)


def language_options(*also: str) -> list[tuple[str, str]]:
    """Tags and names for the form's list, in the reader's language."""
    messages = current_messages()
    tags = {*_WORKSHOP_LANGUAGES, *offered(), *also}
    return sorted(((tag, messages.language_name(tag)) for tag in tags), key=lambda pair: pair[1])
