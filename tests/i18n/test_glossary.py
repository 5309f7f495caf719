"""The words of the field are the same in every sentence of a language, and those of the docs."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from jupyterhub_communities.i18n.catalogues import forms_of, ids_of, po_path, read_catalogue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "translating.md"
COLUMNS = {"es": 1, "pt-BR": 2, "fr": 3, "ar": 4, "sw": 5}


def rows() -> list[list[str]]:
    """The table of the docs, below its heading: a term and its words in each language."""
    table = PAGE.read_text(encoding="utf-8").partition("## Words of the field")[2]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def folded(text: str) -> str:
    """Without capitals, accents and vowel marks."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")


def pattern_of(cell: str) -> re.Pattern[str]:
    """What a sentence may have for a term: one of the forms, ` … ` for a word or two between."""
    forms = (re.escape(folded(form.strip())) for form in re.split("[,،]", cell))
    return re.compile(
        "|".join(form.replace(r"\ …\ ", ".{1,14}").replace("…", "") for form in forms)
    )


def sentences_with(term: str, tag: str) -> list[tuple[str, str]]:
    """Each message that has the English term, and its translation."""
    plural = f"{term[:-1]}ies" if term.endswith("y") else f"{term}s"
    wanted = re.compile(rf"\b({term}|{plural})\b", re.IGNORECASE)
    return [
        (" | ".join(ids_of(message)), " | ".join(forms_of(message)))
        for message in read_catalogue(po_path(tag))
        if message.id and wanted.search(" ".join(ids_of(message)))
    ]


def strays(term: str, cell: str, sentences: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in sentences if not pattern_of(cell).search(folded(pair[1]))]


@pytest.mark.parametrize("tag", COLUMNS)
@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_term_is_said_the_same_in_every_sentence(row, tag) -> None:
    term, cell = row[0], row[COLUMNS[tag]]
    sentences = sentences_with(term, tag)
    assert sentences, f"no sentence needs {term}: take it out of the table"
    assert strays(term, cell, sentences) == [], f"use {cell}, or add a form to {PAGE.name}"


def test_the_first_form_of_a_term_is_one_that_the_catalogue_uses() -> None:
    for row in rows():
        for tag, column in COLUMNS.items():
            first = re.split("[,،]", row[column])[0]
            said = [translation for _, translation in sentences_with(row[0], tag)]
            assert strays(row[0], first, [("", " ".join(said))]) == [], (row[0], tag, first)


def test_another_word_for_a_term_is_noticed() -> None:
    sentences = [("Open a workshop", "Abrir un curso"), ("Workshops", "Talleres")]
    assert strays("workshop", "taller", sentences) == [sentences[0]]
    assert strays("return key", "ufunguo … wa kurudi", [("", "Ufunguo wako wa kurudi")]) == []
    assert strays("return key", "ufunguo … wa kurudi", [("", "Ufunguo wako")]) != []
