"""Beginning a catalogue of an operator's own, and bringing it up to date."""

from __future__ import annotations

import gettext

import pytest
from babel import Locale
from translations import write_language, write_sentences

from jupyterhub_communities.i18n.beginning import begin, plural_forms
from jupyterhub_communities.i18n.catalogues import extract_catalogue, shipped_template
from jupyterhub_communities.i18n.custom import CatalogueError, read_custom, read_file


def test_every_message_of_the_sources_is_in_what_is_begun() -> None:
    def ids(catalogue):
        return {(message.id, message.context) for message in catalogue if message.id}

    assert ids(shipped_template()) == ids(extract_catalogue())


def test_a_fresh_catalogue_has_everything_but_the_words(tmp_path) -> None:
    begun = begin("qu", tmp_path)
    assert begun.is_new
    assert begun.left == begun.total - 1, "CLDR knows the language's own name"
    text = begun.path.read_text()
    assert text.startswith("# jupyterhub-communities: messages in qu.\n")
    assert '"Language: qu\\n"' in text
    assert "# = es: Salir\n" in text, "Spanish stands beside, which is read where Quechua is"
    assert "#. TRANSLATORS: " not in text
    assert "#. " in text, "what translators are told"
    assert read_custom(tmp_path).mistakes == []


def test_a_variety_begins_with_the_words_of_the_language_beside(tmp_path) -> None:
    text = begin("es-PE", tmp_path).path.read_text()
    assert "# = es: Salir\n" in text
    assert "# = fr: Se déconnecter\n" in begin("ht", tmp_path, beside="fr").path.read_text()


def test_bringing_up_to_date_keeps_what_is_translated(tmp_path) -> None:
    path = write_sentences(
        tmp_path,
        "qu",
        '# Ours since 2026.\nmsgid "Sign out"\nmsgstr "Lluqsiy"\n\n'
        'msgid "Of an older version."\nmsgstr "Ñawpa."\n',
    )
    begun = begin("qu", tmp_path)
    assert not begun.is_new
    assert begun.left == begun.total - 2
    text = path.read_text()
    assert "# Ours since 2026.\n# = es: Salir\n" in text
    assert 'msgid "Sign out"\nmsgstr "Lluqsiy"' in text
    assert '#~ msgid "Of an older version."\n#~ msgstr "Ñawpa."' in text
    begin("qu", tmp_path)
    assert path.read_text() == text, "once more changes nothing"


def test_who_translated_stays_named(tmp_path) -> None:
    path = begin("qu", tmp_path).path
    assert "Last-Translator" not in path.read_text()
    path.write_text(
        "# Rosa has begun this.\n"
        + path.read_text().replace('"MIME', '"Last-Translator: Rosa <rosa@example.org>\\n"\n"MIME')
    )
    begin("qu", tmp_path)
    text = path.read_text()
    assert text.startswith("# Rosa has begun this.\n# jupyterhub-communities: messages in qu.\n")
    assert '"Last-Translator: Rosa <rosa@example.org>\\n"' in text


def test_a_whole_catalogue_stays_whole(tmp_path) -> None:
    path = write_language(tmp_path, "cy", "C! ")
    text = path.read_text()
    assert begin("cy", tmp_path).left == 0
    assert path.read_text() == text


@pytest.mark.parametrize("tag", ["", "klingon", "../../etc", "xx", "qu\n", "es PE"])
def test_what_is_no_language_is_refused_and_nothing_written(tmp_path, tag) -> None:
    with pytest.raises(ValueError, match="is no language tag"):
        begin(tag, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_mistakes_is_not_touched(tmp_path) -> None:
    path = write_sentences(tmp_path, "qu", 'msgid "Sign out"\nmsgstr "Lluqsiy\n')
    before = path.read_text()
    with pytest.raises(CatalogueError, match=r"messages\.po:6: "):
        begin("qu", tmp_path)
    assert path.read_text() == before


@pytest.mark.parametrize(
    "tag", ["ar", "cy", "ga", "he", "ht", "it", "ja", "ln", "lv", "qu", "ru", "sl"]
)
def test_plural_forms_are_cldrs(tmp_path, tag) -> None:
    catalogue = read_file(begin(tag, tmp_path).path)
    form_of = gettext.c2py(catalogue.plural_expr)
    category_of = Locale.parse(tag).plural_form
    forms = {}
    for number in range(1000):
        forms.setdefault(category_of(number), set()).add(form_of(number))
    assert all(len(numbers) == 1 for numbers in forms.values()), "one form for each category"
    assert len(forms) == catalogue.num_plurals, "and none that is never used"


def test_a_catalogue_over_one_of_ours_counts_as_that_one(tmp_path) -> None:
    assert plural_forms("fr-SN") == plural_forms("fr") == "nplurals=2; plural=(n > 1);"
    assert plural_forms("nah") == "nplurals=2; plural=(((n == 1)) ? 0 : 1);"
