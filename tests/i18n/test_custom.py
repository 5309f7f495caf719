"""An operator's own catalogues: what they add, and what is said of mistakes in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from translations import line_of, write_language, write_sentences

from jupyterhub_communities.i18n.catalogues import po_path
from jupyterhub_communities.i18n.custom import read_custom
from jupyterhub_communities.i18n.messages import messages_for, offered, use_custom
from jupyterhub_communities.i18n.negotiation import Wishes, negotiate
from jupyterhub_communities.pages.language import current_messages, use_language

OURS = {"en", "es", "pt-BR", "fr", "ar", "sw"}
HEADER = 'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=n != 1;\\n"\n\n'


@pytest.fixture
def use(tmp_path):
    """Reads the folder of the test, and puts it over our catalogues until the test's end."""

    def use(**more):
        found = read_custom(tmp_path, **more)
        use_custom(found.offered)
        return found

    yield use
    use_custom({})


@pytest.fixture
def mistakes(tmp_path):
    """What is wrong in the folder, with paths from there."""
    return lambda: [
        mistake.removeprefix(f"{tmp_path}/") for mistake in read_custom(tmp_path).mistakes
    ]


def test_a_language_of_the_operators_own_is_offered_like_ours(tmp_path, use) -> None:
    write_language(tmp_path, "qu", "Q! ")
    found = use()
    assert (found.mistakes, found.notes) == ([], [])
    assert set(offered()) == OURS | {"qu"}
    quechua = messages_for("qu")
    assert (quechua.own_name, quechua.direction) == ("Runasimi", "ltr")
    assert quechua.gettext("Sign out") == "Q! Sign out"
    assert quechua.ngettext("%(num)s day", "%(num)s days", 3) == "Q! 3 days"
    assert negotiate(Wishes(accept="qu-PE, es;q=0.9"), offered()) == "qu"
    with use_language("qu"):
        assert current_messages().tag == "qu"


def test_a_language_that_cldr_knows_nothing_of_is_offered_too(tmp_path, use) -> None:
    write_language(tmp_path, "ay", "A! ", own_name="Aymar aru")
    use()
    aymara = messages_for("ay")
    assert aymara.own_name == "Aymar aru"
    assert aymara.number(1234.5) == "1.234,5", "as Spanish, which its speakers also read"
    assert aymara.ngettext("One seat left", "%(num)s seats left", 2).startswith("A! 2 ")


def test_a_language_written_from_right_to_left_says_so(tmp_path, use) -> None:
    write_language(tmp_path, "ckb", "K! ")
    write_language(tmp_path, "glk", "G! ", own_name="گیلکی")  # CLDR has no formats for it
    use()
    assert messages_for("ckb").direction == messages_for("glk").direction == "rtl"
    assert messages_for("ckb").own_name == "کوردیی ناوەندی"


def test_a_single_sentence_of_ours_may_be_said_otherwise(tmp_path, use) -> None:
    write_sentences(tmp_path, "es", 'msgid "Sign out"\nmsgstr "Cerrar la sesión"\n')
    write_sentences(tmp_path, "en", 'msgid "Sign out"\nmsgstr "Leave"\n')
    assert use().mistakes == []
    assert set(offered()) == OURS
    assert messages_for("es").gettext("Sign out") == "Cerrar la sesión"
    assert messages_for("es").gettext("Sign in") == "Entrar"
    assert messages_for("en").gettext("Sign out") == "Leave"
    assert messages_for("en").gettext("Sign in") == "Sign in"
    assert messages_for("fr").gettext("Sign out") == "Se déconnecter"


def test_a_variety_says_what_is_its_own_and_leaves_the_rest_to_ours(tmp_path, use) -> None:
    write_sentences(tmp_path, "es_PE", 'msgid "Sign out"\nmsgstr "Salir nomás"\n')
    assert use().notes == []
    assert messages_for("es-PE").own_name == "Español (Perú)"
    assert messages_for("es-PE").gettext("Sign out") == "Salir nomás"
    assert messages_for("es-PE").gettext("Sign in") == "Entrar"
    assert negotiate(Wishes(accept="es-PE"), offered()) == "es-PE"
    assert negotiate(Wishes(accept="es-CL"), offered()) in ("es", "es-PE")
    assert messages_for("es").gettext("Sign out") == "Salir"


def test_a_language_that_is_not_finished_is_offered_only_where_the_operator_says_so(
    tmp_path, use
) -> None:
    write_sentences(tmp_path, "qu", 'msgid "Sign out"\nmsgstr "Lluqsiy"\n')
    (note,) = use().notes
    assert "sentences are not translated, so qu is not offered yet" in note
    assert set(offered()) == OURS
    (note,) = use(unfinished=["qu"]).notes
    assert note.endswith("so these are said in es")
    assert messages_for("qu").gettext("Sign out") == "Lluqsiy"
    assert messages_for("qu").gettext("Sign in") == "Entrar"
    assert messages_for("qu").own_name == "Runasimi"


def test_a_sentence_still_fuzzy_is_no_mistake_and_not_used(tmp_path, use) -> None:
    write_sentences(tmp_path, "es", '#, fuzzy\nmsgid "Sign out"\nmsgstr "Chau"\n')
    assert use().mistakes == []
    assert messages_for("es").gettext("Sign out") == "Salir"


def test_a_sentence_that_no_page_says_is_told_with_the_command_that_puts_it_aside(
    tmp_path, use
) -> None:
    write_sentences(tmp_path, "es", 'msgid "Of an older version."\nmsgstr "Vieja."\n')
    (note,) = use().notes
    assert "1 of its sentences stand on no page" in note
    assert f"jupyterhub-communities translate es --into {tmp_path}" in note


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('msgid "Sign out"\nmsgstr "Salir %(name)s"', 5, "placeholders differ, write no placeholder"),
        ('msgid "%(size)s GB"\nmsgstr "GB"', 5, "placeholders differ, write %(size)s"),
        ('msgid "Sign out"\nmsgstr "100 %"', 5, "a literal per cent sign is written %%"),
        ('msgid "Sign out"\nmsgstr "<b>Salir</b>"', 5, "HTML tags differ, write none"),
        ('msgid "Sign out"\nmsgstr "<img src=x onerror=alert(1)"', 5, "HTML tags differ"),
        ('msgid "Sign out"\nmsgstr " Salir"', 5, "space around the sentence"),
        ('msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "%(num)s día"', 5,
         "not translated: msgstr[1]"),
        ('msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "<script>%(num)s"\n'
         'msgstr[1] "%(num)s"', 5, "HTML tags differ"),
    ],
)  # fmt: skip
def test_a_wrong_sentence_is_left_out_and_told_with_its_line(
    tmp_path, use, mistakes, text, line, what
) -> None:
    write_sentences(tmp_path, "es", f'{text}\n\nmsgid "Sign in"\nmsgstr "Ingresar"\n')
    (mistake,) = mistakes()
    assert mistake.startswith(f"es/LC_MESSAGES/messages.po:{line}: {what}"), mistake
    use()
    assert messages_for("es").gettext("Sign in") == "Ingresar"
    assert messages_for("es").gettext("Sign out") == "Salir"
    assert messages_for("es").ngettext("%(num)s day", "%(num)s days", 2) == "2 días"


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ('msgid "Sign out"\nmsgstr "Salir\n', 2, 'expected msgid or msgstr, and a text in "quotes"'),
        ('msgid "Sign out"\nmsgstr "Salir" "ya"\n', 2, "expected msgid or msgstr"),
        ('msgid "Sign out"\nmgstr "Salir"\n', 2, "expected msgid or msgstr"),
        ("Sign out: Salir\n", 1, "expected msgid or msgstr"),
        ('msgid "Sign out"\nmsgid "Sign in"\nmsgstr "Entrar"\n', 1, "missing msgstr for msgid"),
        ('"Salir"\n', 1, 'Got line starting with "'),
        (HEADER + 'msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[7] "x"\n', 5,
         "msg has more translations"),
        (HEADER.replace("nplurals=2", "nplurals=two"), 3, "it cannot be read: "),
        (HEADER.replace("nplurals=2", "nplurals=1"), 3,
         "Plural-Forms: the rule of plurals leads to form 1 of 1"),
        (HEADER.replace("n != 1", "n !="), 3, "Plural-Forms: the rule of plurals cannot be read"),
        (HEADER.replace("n != 1", "n % 0"), 3, "Plural-Forms: the rule of plurals cannot be read"),
        (HEADER.replace("n != 1", "__import__('os')"), 3, "Plural-Forms: "),
        ('msgid ""\nmsgstr "Language: Runa Simi\\n"\n', 1, "it cannot be read: "),
        ('<<<<<<< ours\nmsgid "Sign out"\n', 1, "expected msgid or msgstr"),
        (b'msgid "Sign out"\nmsgstr "Cerrar sesi\xf3n"\n', 2, "this is not UTF-8"),
        (b"\xff\xfem\x00s\x00g\x00", 1, "this is not UTF-8"),
        (b"\x00\x01\x02", 1, "expected msgid or msgstr"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_catalogue_is_left_out_and_told_with_its_line(
    tmp_path, use, mistakes, content, line, what
) -> None:
    path = tmp_path / "es" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (mistake,) = mistakes()
    assert mistake.startswith(f"es/LC_MESSAGES/messages.po:{line}: {what}"), mistake
    use()
    assert messages_for("es").gettext("Sign out") == "Salir"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("klingon", "klingon: this folder is not named by a language; name it like qu or pt_BR"),
        ("xx", "xx: this folder is not named by a language"),
        ("und", "und: this folder is not named by a language"),
        ("es_", "es_: this folder is not named by a language"),
        ("es-PE", "es-PE: name this folder es_PE"),
        ("QU", "QU: name this folder qu"),
        ("zh_hant", "zh_hant: name this folder zh_Hant"),
        ("swc", "swc: name this folder sw_CD"),
        ("wo", "wo/LC_MESSAGES/messages.po: there is no such file"),
    ],
)
def test_a_folder_that_is_no_languages_is_told(tmp_path, mistakes, name, what) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("what else lies here is nobody's language")
    assert [mistake[: len(what)] for mistake in mistakes()] == [what]


def test_a_mistake_in_one_language_leaves_the_others(tmp_path, use) -> None:
    write_language(tmp_path, "qu", "Q! ")
    broken = write_language(tmp_path, "wo", "W! ")
    at = line_of(broken, '^msgstr "W! Sign out"')
    text = broken.read_text().replace('"W! Sign out"', '"W! Sign out %(who)s"')
    broken.write_text(text)
    found = use()
    assert set(offered()) == OURS | {"qu"}
    (mistake,), (note,) = found.mistakes, found.notes
    assert mistake.startswith(f"{broken}:{at - 1}: placeholders differ")
    assert f"{broken}: 1 of " in note


FILE = po_path("sw").read_bytes()


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    at=st.integers(0, len(FILE)),
    out=st.integers(0, 200),
    put=st.binary(max_size=12)
    | st.sampled_from([b'"', b"\n", b"msgstr[9]", b"#~ ", b"\\", b"#, fuzzy"]),
)
def test_whatever_is_broken_in_a_file_is_a_sentence_or_does_no_harm(tmp_path, at, out, put) -> None:
    folder = tmp_path / "sw" / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    # Its beginning, where the header is, and a piece from the middle.
    (folder / "messages.po").write_bytes(
        FILE[:2000] + FILE[max(at - 500, 0) : at] + put + FILE[at + out : at + 900]
    )
    told = re.escape(str(folder)) + r"/messages\.po:[1-9]\d*: "
    assert all(re.match(told, mistake) for mistake in read_custom(tmp_path).mistakes)


def test_nothing_is_written_where_the_operators_files_lie(tmp_path, use) -> None:
    write_language(tmp_path, "qu", "Q! ")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    use()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_byte_order_mark_and_a_wrong_charset_do_no_harm(tmp_path, use) -> None:
    path = write_sentences(tmp_path, "es", 'msgid "Sign out"\nmsgstr "Adiós"\n')
    text = path.read_text().replace(
        '"Language', '"Content-Type: text/plain; charset=latin-1\\n"\n"Language'
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert use().mistakes == []
    assert messages_for("es").gettext("Sign out") == "Adiós"
