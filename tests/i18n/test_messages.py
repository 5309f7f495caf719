"""Sentences and formats of one language."""

from datetime import UTC, date, datetime, timedelta

import pytest
from markupsafe import Markup

from jupyterhub_communities.i18n.messages import Messages, messages_for, offered

START = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
NBSP = "\N{NO-BREAK SPACE}"
LIMA = "America/Lima"


def plain(text: str) -> str:
    """CLDR writes narrow, thin and no-break spaces; here they are all one."""
    return " ".join(text.replace("\N{THIN SPACE}", " ").split())


def test_languages_are_offered_in_the_order_of_their_own_names():
    assert offered() == ("en", "es", "fr", "sw", "pt-BR", "ar")
    names = [messages_for(tag).own_name for tag in offered()]
    assert names == [
        "English",
        "Español",
        "Français",
        "Kiswahili",
        "Português (Brasil)",
        "العربية",
    ]


def test_a_language_that_is_not_offered_is_a_key_error():
    with pytest.raises(KeyError):
        messages_for("tlh")


def test_arabic_is_written_from_right_to_left():
    assert Messages("ar").direction == "rtl"
    assert Messages("es").direction == "ltr"


def test_a_sentence_is_looked_up_and_filled():
    sentence = messages_for("es").gettext("You start the server of %(name)s.", name="Inti")
    assert sentence == "Vas a iniciar el servidor de Inti."


def test_a_sentence_without_a_translation_stays_english():
    assert messages_for("es").gettext("100 %% of %(what)s", what="x") == "100 % of x"


@pytest.mark.parametrize(
    ("tag", "count", "text"),
    [
        ("en", 1, "1 day"),
        ("en", 1200, "1,200 days"),
        ("es", 1, "1 día"),
        ("es", 1200, "1.200 días"),
        ("pt-BR", 0, "0 dia"),  # CLDR: in Portuguese, none is said as one is
        ("pt-BR", 2, "2 dias"),
    ],
)
def test_plurals_and_numbers_follow_the_language(tag, count, text):
    assert messages_for(tag).ngettext("%(num)s day", "%(num)s days", count) == text


def test_what_is_filled_into_markup_is_escaped():
    filled = messages_for("en").fill(Markup("<b>%(name)s</b>"), {"name": "<i>"})
    assert filled == "<b>&lt;i&gt;</b>"


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "November 23, 2026, 9:00 AM – 12:00 PM (Peru Time)"),
        ("es", "23 de noviembre de 2026, 9:00–12:00 (hora de Perú)"),
        ("pt-BR", "23 de novembro de 2026 09:00 – 12:00 (Horário Peru)"),
    ],
)
def test_a_session_says_its_day_once_and_its_zone(tag, text):
    interval = messages_for(tag).interval(START, START + timedelta(hours=3), LIMA)
    assert plain(interval) == text


def test_a_zone_of_several_places_is_said_without_brackets_in_brackets():
    moment = messages_for("en").datetime(START, "America/Bahia")
    assert plain(moment) == "November 23, 2026, 11:00 AM (Brazil, Bahia Time)"


def test_a_session_past_midnight_says_both_days():
    late = START + timedelta(hours=14)  # 23:00 in Lima
    interval = messages_for("es").interval(late, late + timedelta(hours=3), LIMA, "medium")
    assert plain(interval) == "23 nov 2026, 23:00 – 24 nov 2026, 2:00 (hora de Perú)"


def test_a_moment_falls_on_the_day_that_it_is_in_its_zone():
    messages = messages_for("es")
    assert messages.date(START + timedelta(hours=12), LIMA) == "23 de noviembre de 2026"
    assert messages.date(date(2026, 11, 24)) == "24 de noviembre de 2026"
    assert messages.datetime(START, UTC) == "23 de noviembre de 2026, 14:00 (UTC)"


@pytest.mark.parametrize(
    ("size", "tag", "text"),
    [
        (0, "en", "0 bytes"),
        (1, "en", "1 byte"),
        (2**20, "en", "1 MiB"),
        (2 * 2**30, "es", "2 GiB"),
        (3 * 2**29, "es", "1,5 GiB"),
        (512_000_000, "en", "512 MB"),
        (1_500_000_000, "pt-BR", "1,5 GB"),
        (999, "es", "999 bytes"),
    ],
)
def test_a_size_keeps_the_units_that_it_was_given_in(size, tag, text):
    assert messages_for(tag).size(size) == text


@pytest.mark.parametrize(
    ("seconds", "tag", "text"),
    [
        (0, "en", "0 seconds"),
        (1, "en", "1 second"),
        (90, "es", "1 minuto y 30 segundos"),
        (9000, "pt-BR", "2 horas e 30 minutos"),
        (86_400, "pt-BR", "1 dia"),
        (86_405, "en", "1 day"),
        (2 * 86_400 + 3 * 3600 + 59, "en", "2 days and 3 hours"),
        (timedelta(hours=5), "es", "5 horas"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds, tag, text):
    assert messages_for(tag).duration(seconds) == text


def test_lists_and_names_of_languages_follow_the_language():
    assert messages_for("es").listing(["Ana", "Inti", "Rosa"]) == "Ana, Inti y Rosa"
    assert messages_for("es").language_name("pt-BR") == "portugués (Brasil)"
    assert messages_for("es").language_name("no such") == "no such"


@pytest.mark.parametrize(
    ("tag", "name", "shown"),
    [
        ("es", "Ana (2)", "Ana (2)"),
        ("es", "أمل", "\u2068أمل\u2069"),
        ("ar", "Ana (2)", "\u2068Ana (2)\u2069"),
        ("ar", "أمل", "أمل"),
        ("ar", "12:30", "12:30"),
    ],
)
def test_a_name_that_is_written_the_other_way_stands_for_itself(tag, name, shown) -> None:
    messages = messages_for(tag)
    assert messages.gettext("Welcome, %(name)s!", name=name).count(shown) == 1
    assert messages.isolated(name) == shown


def test_what_is_markup_already_is_left_alone() -> None:
    code = Markup('<bdi dir="ltr">ABCD</bdi>')
    assert code in messages_for("ar").fill(Markup("%(code)s"), {"code": code})
