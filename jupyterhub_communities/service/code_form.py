"""The form for a code: what was typed, what it means, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..application.issuing import InviteChange, NewInvite
from ..domain.grants import Role
from ..domain.invites import Invite
from ..domain.workshops import MOST_SEATS, Workshop
from ..pages.language import current_messages
from .forms import read_number

MOST_DAYS = 3660
_CHANGED = ("seats", "opens_at", "closes_at", "by_hand")
_FIELDS = ("role", "site", "lasts_days", "names", "version", *_CHANGED)
_LONGEST = {"names": None}  # as long as a request may be: nobody is cut off a list


@dataclass
class CodeForm:
    """Times are read in the zone of the workshop or of the site that was chosen."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls) -> CodeForm:
        return cls({**dict.fromkeys(_FIELDS, ""), "role": "learner"})

    @classmethod
    def of(cls, invite: Invite, zone: str) -> CodeForm:
        """As a code stands, to be changed."""
        form = cls.fresh()
        form.values["seats"] = "" if invite.seats is None else str(invite.seats)
        for name, time in (("opens_at", invite.opens_at), ("closes_at", invite.closes_at)):
            if time is not None:
                form.values[name] = time.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
        form.values["by_hand"] = "1" if invite.is_by_hand else ""
        form.values["version"] = invite.version
        return form

    @classmethod
    def read(cls, argument: Callable[[str, str], str | None]) -> CodeForm:
        return cls(
            {name: (argument(name, "") or "")[: _LONGEST.get(name, 100)] for name in _FIELDS}
        )

    def new_invite(self, workshop: Workshop | None) -> NewInvite | None:
        """What was meant; None with `errors` set where a field cannot be read."""
        site = self.values["site"] or None
        zone = ZoneInfo("UTC" if workshop is None else workshop.zone_at(site))
        days = self._number("lasts_days", MOST_DAYS)
        wanted = NewInvite(
            role=self._role(),
            workshop=None if workshop is None else workshop.slug,
            site=site,
            seats=self._number("seats", MOST_SEATS),
            opens_at=self._time("opens_at", zone),
            closes_at=self._time("closes_at", zone),
            lasts=None if days is None else timedelta(days=days),
            is_by_hand=bool(self.values["by_hand"]),
        )
        return None if self.errors else wanted

    def change(self, zone: str, *, most: int) -> InviteChange | None:
        """The change of a code that is there: the form says all of it, an empty field means none."""
        place = ZoneInfo(zone)
        change = InviteChange(
            seats=self._number("seats", most),
            opens_at=self._time("opens_at", place),
            closes_at=self._time("closes_at", place),
            is_by_hand=bool(self.values["by_hand"]),
        )
        return None if self.errors else change

    def differing(self, other: CodeForm) -> set[str]:
        """The fields in which two forms say something else."""
        return {name for name in _CHANGED if self.values[name] != other.values[name]}

    def _role(self) -> Role:
        try:
            return Role.from_label(self.values["role"])
        except KeyError:
            self.errors["role"] = current_messages().gettext("Please choose a role.")
            return Role.LEARNER

    def _number(self, name: str, most: int) -> int | None:
        return read_number(self.values, name, most, self.errors)

    def _time(self, name: str, zone: ZoneInfo) -> datetime | None:
        typed = self.values[name].strip()
        if not typed:
            return None
        try:
            return datetime.fromisoformat(typed).replace(tzinfo=zone)
        except ValueError:
            self.errors[name] = current_messages().gettext("Please give day and time.")
            return None
