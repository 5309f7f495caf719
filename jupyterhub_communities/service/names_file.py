"""Names as people have them: typed one in a line, or a spreadsheet's CSV in any of its dialects."""

from __future__ import annotations

import csv
import io

from ..domain.refusals import NamesUnreadable

_HEADERS = {"name", "names", "nombre", "nombres", "nome", "nomes", "nom", "noms", "jina", "الاسم"}
_DELIMITERS = ";,\t"


def read_names(data: bytes) -> list[tuple[int, str]]:
    """The names in a text or CSV file, each with its line: its column with a known header, or else
    its first column.

    Raises `NamesUnreadable` for what is no text.
    """
    text = _decode(data)
    if "\x00" in text:
        raise NamesUnreadable
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise NamesUnreadable from error
    column, rows = _column(rows)
    return [
        (line, row[column].strip())
        for line, row in rows
        if len(row) > column and row[column].strip()
    ]


def _column(rows: list[tuple[int, list[str]]]) -> tuple[int, list[tuple[int, list[str]]]]:
    if rows:
        for number, title in enumerate(rows[0][1]):
            if title.strip().casefold() in _HEADERS:
                return number, rows[1:]
    return 0, rows


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]  # what spreadsheets write
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise NamesUnreadable
