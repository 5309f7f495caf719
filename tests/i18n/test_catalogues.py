"""Catalogues: complete, and formats by CLDR; the check notices what it should."""

import gettext
import re
from datetime import UTC, datetime, timedelta

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from translations import line_of

from jupyterhub_communities.i18n.catalogues import (
    extract_catalogue,
    ids_of,
    po_path,
    problems,
    read_catalogue,
    write_catalogue,
)
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.i18n.placeholders import MEANINGS, names_in


def test_six_languages_are_offered_and_complete() -> None:
    assert set(offered()) == {"en", "es", "pt-BR", "fr", "ar", "sw"}
    assert problems(extract_catalogue()) == []


@pytest.mark.parametrize(
    ("source", "translation", "what"),
    [
        ("Hello %(name)s.", "Hola.", "placeholders differ"),
        ("Hello %(name)s.", "Hola %(nombre)s.", "placeholders differ"),
        ("Hello.", "", "not translated"),
        ("Press <b>here</b>.", "Pulsa aquí.", "HTML tags differ"),
        ("Hello.", " Hola.", "space around"),
    ],
)
def test_the_check_notices_what_is_wrong(tmp_path, source, translation, what) -> None:
    template = Catalog()
    template.add(source)
    catalogue = Catalog(locale="es")
    catalogue.add(source, translation)
    path = po_path("es", tmp_path)
    path.parent.mkdir(parents=True)
    write_catalogue(path, catalogue)
    (problem,) = problems(template, tmp_path)
    assert what in str(problem)
    line = line_of(path, re.escape(f'msgid "{source}"'))
    assert problem.where == f"{path}:{line}"


def test_dates_numbers_and_plurals_are_the_languages_own() -> None:
    start = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    end = start + timedelta(hours=3)
    assert messages_for("es").interval(start, end, "America/Lima") == (
        "2 de marzo de 2026, 9:00\u201312:00 (hora de Perú)"
    )
    assert "2 de março de 2026" in messages_for("pt-BR").date(start)
    assert messages_for("pt-BR").number(1234567) == "1.234.567"
    assert messages_for("es").size(512_000_000) == "512 MB"
    assert messages_for("es").duration(timedelta(hours=2, minutes=30)) == "2 horas y 30 minutos"
    english = messages_for("en")
    assert english.ngettext("One seat left", "%(num)s seats left", 1) == "One seat left"
    assert english.ngettext("One seat left", "%(num)s seats left", 7) == "7 seats left"


def first_number_of_each_category(tag: str) -> dict[str, int]:
    """The categories of CLDR that whole numbers below 1000 have in a language."""
    category_of = Locale.parse(tag, sep="-").plural_form
    return {category_of(number): number for number in reversed(range(1000))}


@pytest.mark.parametrize("tag", ["es", "pt-BR", "fr", "ar", "sw"])
def test_each_plural_category_has_a_form_of_its_own(tag) -> None:
    form_of = gettext.c2py(read_catalogue(po_path(tag)).plural_expr)
    category_of = Locale.parse(tag, sep="-").plural_form
    forms = {name: form_of(num) for name, num in first_number_of_each_category(tag).items()}
    assert sorted(forms.values()) == list(range(len(forms)))
    assert all(form_of(number) == forms[category_of(number)] for number in range(1000))


@pytest.mark.parametrize(
    ("number", "category", "said"),
    [
        (0, "zero", "يوم"),
        (3, "few", "أيام"),
        (11, "many", "يومًا"),
        (99, "many", "يومًا"),
        (100, "other", "يوم"),
        (102, "other", "يوم"),
    ],
)
def test_arabic_says_the_form_of_the_category(number, category, said) -> None:
    arabic = messages_for("ar")
    assert arabic.locale.plural_form(number) == category
    days = arabic.ngettext("%(num)s day", "%(num)s days", number)
    assert days.split()[-1] == said


def test_translators_are_told_what_is_filled_in_and_what_a_single_word_is_about() -> None:
    messages = [message for message in extract_catalogue() if message.id]
    for message in messages:
        unknown = set(names_in(ids_of(message))) - set(MEANINGS)
        assert not unknown, f"say in i18n/placeholders.py what {unknown} stands for"
        is_one_word = " " not in ids_of(message)[0]
        is_plain = not is_one_word or message.context or message.auto_comments
        assert is_plain, f"{message.id}: write a comment above it, {{# TRANSLATORS: … #}}"
    used = {name for message in messages for name in names_in(ids_of(message))}
    assert used == set(MEANINGS), "a meaning that no sentence needs any more"


def test_what_translators_are_told_stands_in_every_catalogue() -> None:
    catalogue = read_catalogue(po_path("ar"))
    size, closes = catalogue.get("%(size)s GB"), catalogue.get("Closes")
    assert "%(size)s: a number, or a size such as 2 GB" in size.auto_comments
    assert "until when a code can be used" in " ".join(closes.auto_comments), (
        "also where it is not the first of its line"
    )
