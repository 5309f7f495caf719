"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

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


def held_csv(history: HeldHistory) -> str:
    """Every time at which something is another than before, in base units."""
    changes: dict[datetime, dict[str, int]] = {}
    for name, steps in history.lines.items():
        for at, amount in steps:
            changes.setdefault(at, {})[name] = amount
    rows, now = [["at", *history.lines, "limit"]], dict.fromkeys(history.lines, 0)
    limit = "" if history.limit is None else str(history.limit)
    for at in sorted(changes):
        now |= changes[at]
        rows.append([at.isoformat(), *map(str, now.values()), limit])
    return csv_text(rows)
