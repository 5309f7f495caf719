"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ..application.attendance import Attendance
from ..application.histories import HeldHistory
from ..application.usage import UsageTable


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """CSV that spreadsheets open as it is: a name that begins like a formula stays a text."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([f"'{cell}" if cell[:1] in tuple("=+-@\t\r") else cell for cell in row])
    return out.getvalue()


def usage_csv(table: UsageTable) -> str:
    """Keys and amounts in base units, under the names of the API: the same in every language."""
    resources = table.resources
    header = [table.by, "name", *resources]
    rows = (
        [row.key, row.name, *(str(row.amounts.get(resource, 0)) for resource in resources)]
        for row in table.rows
    )
    return csv_text([header, *rows])


def attendance_csv(found: Attendance) -> str:
    """Times by the clock of each person's site, hours to the hundredth: for lists and certificates."""
    header = ["name", "username", "role", "site", "joined_at", "first_start", "last_start", "hours"]
    rows = [header]
    for one in found.people:
        place = found.workshop.site(one.site)
        zone = ZoneInfo(found.workshop.zone_at(one.site))
        times = (one.joined_at, one.first_start, one.last_start)
        rows.append(
            [
                one.account.display_name,
                one.account.username,
                one.role.label,
                "" if place is None else place.name,
                *("" if at is None else _minutes(at, zone) for at in times),
                f"{one.server_time / 3600:.2f}",
            ]
        )
    return csv_text(rows)


def _minutes(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="minutes")


def held_csv(history: HeldHistory, now: datetime) -> str:
    """Every time at which something is another than before, in base units. Of what is to come only
    the plan is told: what is reserved, and the limit."""
    changes: dict[datetime, dict[str, int]] = {}
    for name, steps in {**history.lines, "limit": history.limits}.items():
        for at, amount in steps:
            changes.setdefault(at, {})[name] = amount
    if changes and now < history.period.end:
        changes.setdefault(now, {})
    rows, then = [["at", *history.lines, "limit"]], dict.fromkeys(history.lines, 0)
    limit = ""
    for at in sorted(changes):
        limit = str(changes[at].pop("limit", limit))
        then |= changes[at]
        told = {"reserved"} if at >= now else then.keys()
        amounts = [str(amount) if name in told else "" for name, amount in then.items()]
        rows.append([at.isoformat(), *amounts, limit])
    return csv_text(rows)
