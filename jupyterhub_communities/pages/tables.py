"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

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
