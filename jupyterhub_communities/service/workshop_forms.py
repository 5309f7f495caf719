"""The forms that change and repeat a workshop: what was typed, and what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Self
from zoneinfo import ZoneInfo

from ..application.changing import WorkshopChange
from ..application.cloning import CloneChoice
from ..domain.refusals import Refusal, ZoneInvalid
from ..domain.workshops import Session, Workshop, check_zone
from ..i18n.negotiation import is_language_tag
from ..pages.language import current_messages
from .forms import WorkshopForm

Argument = Callable[[str, str], str | None]
Row = tuple[str, str, str]  # day, from, to
_SHOWN = ("title", "language", "zone", "seats", "profile", "reserved")


@dataclass
class ChangeForm(WorkshopForm):
    """Says all of a workshop, and of which version. A row that nobody touches keeps its session to
    the second, also one that lasts over midnight."""

    drawn: list[str] = field(default_factory=list)  # of each row, the session that it was drawn for

    @classmethod
    def of(cls, workshop: Workshop) -> Self:
        values = {
            "title": workshop.title,
            "language": workshop.language,
            "zone": workshop.zone,
            "seats": "" if workshop.seats is None else str(workshop.seats),
            "servers": "",  # a limit of its quota
            "profile": workshop.profile or "",
            "reserved": "" if workshop.reserved is None else "yes",
            "version": workshop.version,
            "drawn_zone": workshop.zone,
        }
        zone = ZoneInfo(workshop.zone)
        drawn = [
            f"{one.starts_at.isoformat()}/{one.ends_at.isoformat()}" for one in workshop.sessions
        ]
        return cls(values, [_row_of(one, zone) for one in workshop.sessions], drawn=drawn)

    @classmethod
    def read(cls, argument: Argument) -> Self:
        form = super().read(argument)
        for name in ("version", "drawn_zone"):
            form.values[name] = (argument(name, "") or "")[:64]
        form.drawn = [
            (argument(f"drawn_{number}", "") or "")[:80] for number in range(len(form.rows))
        ]
        return form

    def parse_change(self) -> WorkshopChange | None:
        """What was meant; None with `errors` set where a field cannot be read."""
        wanted = self.parse()
        if wanted is None:
            return None
        return WorkshopChange(
            title=wanted.title,
            language=wanted.language,
            zone=wanted.zone,
            profile=wanted.profile,
            seats=wanted.seats,
            sessions=wanted.sessions,
            is_reserved=wanted.is_reserved,
        )

    def differing(self, other: ChangeForm) -> set[str]:
        """The fields in which two forms say something else."""
        found = {name for name in _SHOWN if self.values[name] != other.values[name]}
        rows = [[row for row in form.rows if any(row)] for form in (self, other)]
        return found if rows[0] == rows[1] else {*found, "sessions"}

    def drawn_for(self, number: int) -> str:
        return self.drawn[number] if number < len(self.drawn) else ""

    def later_days(self, number: int) -> int:
        """How many days after its beginning the session of a row ends; midnight belongs to the day
        before."""
        known = self._known(number)
        if known is None:
            return 0
        try:
            zone = ZoneInfo(check_zone(self.values["drawn_zone"]))
        except ZoneInvalid:
            return 0
        start, end = known.starts_at.astimezone(zone), known.ends_at.astimezone(zone)
        return (end.date() - start.date()).days - (end.time() == time(0))

    def _session(self, number: int, zone: ZoneInfo, *, days: int = 0) -> Session:
        known = self._known(number)
        if known is not None and _row_of(known, zone) == self.rows[number]:
            return known
        return super()._session(number, zone, days=self.later_days(number))

    def _known(self, number: int) -> Session | None:
        try:
            start, end = map(datetime.fromisoformat, self.drawn_for(number).split("/"))
        except ValueError:
            return None
        is_whole = start.tzinfo is not None and end.tzinfo is not None and start < end
        return Session(start, end) if is_whole else None


def _row_of(session: Session, zone: ZoneInfo) -> Row:
    try:
        start, end = session.starts_at.astimezone(zone), session.ends_at.astimezone(zone)
    except OverflowError:
        return ("", "", "")
    return start.date().isoformat(), f"{start:%H:%M}", f"{end:%H:%M}"


@dataclass
class CloneForm:
    """When a workshop is held again, and what it is called then."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, workshop: Workshop, first_day: date) -> CloneForm:
        is_reserved = workshop.reserved is not None
        return cls(
            {
                "title": workshop.title,
                "first_day": first_day.isoformat(),
                "reserved": "yes" if is_reserved else "",
            }
        )

    @classmethod
    def read(cls, argument: Argument) -> CloneForm:
        names = ("title", "first_day", "reserved")
        return cls({name: (argument(name, "") or "")[:300].strip() for name in names})

    def choice(self) -> CloneChoice | None:
        try:
            first_day = date.fromisoformat(self.values["first_day"])
        except ValueError:
            self.errors["first_day"] = current_messages().gettext("Please choose a day.")
            return None
        return CloneChoice(first_day, self.values["title"], bool(self.values["reserved"]))

    def refuse(self, refusal: Refusal, sentence: str) -> None:
        fields = {
            "workshop.title": "title",
            "workshop.sessions": "first_day",
            "reservation.needs": "reserved",
            "reservation.too_large": "reserved",
        }
        self.errors[fields.get(refusal.code, "form")] = sentence


def known_tag(tag: str) -> tuple[str, ...]:
    """For the list of languages: also one that a workshop has by the API."""
    return (tag,) if is_language_tag(tag) else ()
