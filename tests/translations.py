"""Catalogues of an operator's own, made for tests."""

from __future__ import annotations

import re
from pathlib import Path

from jupyterhub_communities.i18n.beginning import begin
from jupyterhub_communities.i18n.catalogues import ids_of, po_text
from jupyterhub_communities.i18n.custom import read_file


def write_language(folder: Path, tag: str, mark: str, *, own_name: str | None = None) -> Path:
    """A whole catalogue, in which each sentence is the English one with a mark before it."""
    path = begin(tag, folder).path
    catalogue = read_file(path)
    for message in catalogue:
        if not message.id:
            continue
        if message.context == "name of this language":
            message.string = own_name or message.string
        elif message.pluralizable:
            message.string = (f"{mark}{ids_of(message)[-1]}",) * catalogue.num_plurals
        else:
            message.string = f"{mark}{message.id}"
    path.write_text(po_text(catalogue), encoding="utf-8")
    return path


def write_sentences(folder: Path, name: str, text: str) -> Path:
    """A catalogue with these lines after its header."""
    path = folder / name / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text(f'msgid ""\nmsgstr ""\n"Language: {name}\\n"\n\n{text}', encoding="utf-8")
    return path


def line_of(path: Path, pattern: str) -> int:
    """The first line that holds the pattern, from 1."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if re.search(pattern, line))
