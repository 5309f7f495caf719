"""Many rows in one statement, and many in one column; and the first one only.

What is written travels as one JSON object, which SQLite and PostgreSQL take apart themselves. Row by
row it is SQLAlchemy that takes the time, while whoever wants to write waits: for 10,000 codes and
their entries in the trail 1.5 s with SQLite and 2.4 s with PostgreSQL, instead of 0.25 s and 0.6 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    ScalarSelect,
    String,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)

_ROWS = "rows"

# For `limit`. As a value that is sent along it could be any number: PostgreSQL would plan the statement
# anew each time, which takes longer than what it finds.
ONE: ColumnElement[int] = literal_column("1")

# Executed with `with_rows` or `with_ids`.
EACH = func.json_each(bindparam(_ROWS, type_=JSON)).table_valued(
    column("key", String), column("value", JSON), name="each_row"
)
EACH_ID = EACH.c.key


def part(number: int) -> Any:
    """One of the texts of a row."""
    return EACH.c.value[number].as_string()


def with_rows(rows: Mapping[str, list[str]]) -> dict[str, object]:
    """By their ids."""
    return {_ROWS: rows}


def with_ids(ids: Iterable[str]) -> dict[str, object]:
    return {_ROWS: dict.fromkeys(ids, 0)}


def gathered(
    dialect: str, columns: Iterable[ColumnElement[Any]], where: ColumnElement[bool]
) -> ScalarSelect[str | None]:
    """A column for another statement: the rows of a table, as a JSON array of arrays. They cost no way
    to the database of their own; and with SQLite, which fetches row by row, no other thread gets in
    between."""
    array, together = {
        "sqlite": (func.json_array, func.json_group_array),
        "postgresql": (func.json_build_array, func.json_agg),
    }[dialect]
    # As text: read by us, where it is wanted.
    return select(cast(together(array(*columns)), Text)).where(where).scalar_subquery()
