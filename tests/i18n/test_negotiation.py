"""Which language a reader gets."""

import pytest

from jupyterhub_communities.i18n.negotiation import (
    Wishes,
    also_read,
    closest,
    is_language_tag,
    lab_locale,
    negotiate,
)

OFFERED = ("en", "es", "pt-BR", "fr", "ar", "sw")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        # The tag itself, however it is written.
        ("es", "es"),
        ("ES", "es"),
        ("pt-br", "pt-BR"),
        ("PT-BR", "pt-BR"),
        ("pt_BR", "pt-BR"),
        ("sw", "sw"),
        ("ar-Arab", "ar"),
        ("es-Latn-ES", "es"),
        # Another region.
        ("es-MX", "es"),
        ("es-419", "es"),
        ("es_PE", "es"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt-MZ", "pt-BR"),
        ("en-GB", "en"),
        ("en-KE", "en"),
        ("fr-CA", "fr"),
        ("fr-SN", "fr"),
        ("ar-SD", "ar"),
        ("ar-EG", "ar"),
        ("sw-KE", "sw"),
        ("sw-CD", "sw"),
        # Codes that were withdrawn, or that name a variety by a code of its own.
        ("swh", "sw"),
        ("swc", "sw"),
        ("arb", "ar"),
        ("apd", "ar"),
        ("arz", "ar"),
        # With extensions, variants and private use.
        ("es-u-nu-latn", "es"),
        ("fr-x-mine", "fr"),
        ("en-GB-oed", "en"),
        # Another script of the language is not read by who reads this one.
        ("es-Cyrl", None),
        # Not offered.
        ("qu", None),
        ("de", None),
        ("zh-Hant", None),
        ("zh-Hans-CN", None),
        ("xx", None),
        # No tag at all.
        ("*", None),
        ("", None),
        (None, None),
        ("e", None),
        ("español", None),
        ("es-", None),
        ("-es", None),
        ("es--MX", None),
        ("es\n", None),
        ("../../etc", None),
        ("<script>", None),
        ("es;q=1", None),
        ("\x00", None),
        ("x" * 10_000, None),
        ("es-" * 50, None),
        ("es-1", None),
        ("en-GB-GB", None),
    ],
)
def test_the_closest_offered_language(wanted, found) -> None:
    assert closest(wanted, OFFERED) == found


@pytest.mark.parametrize(
    ("wanted", "offered", "found"),
    [
        ("es-MX", ("es", "es-419"), "es-419"),
        ("es-PE", ("es-ES", "es-MX"), "es-MX"),
        ("es-ES", ("es-419", "es"), "es"),
        ("es", ("es-419", "es-ES"), "es-ES"),
        ("pt", ("pt-PT", "pt-BR"), "pt-BR"),
        ("pt-PT", ("pt-BR", "pt-PT"), "pt-PT"),
        ("pt-AO", ("pt-BR", "pt-PT"), "pt-PT"),
        ("pt-MZ", ("pt-BR", "pt-PT"), "pt-PT"),
        ("en-KE", ("en", "en-GB"), "en-GB"),
        ("zh-Hant", ("zh", "zh-Hant"), "zh-Hant"),
        ("zh-TW", ("zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-Hant", ("zh",), None),
        ("zh", ("zh-Hant", "zh-Hans"), "zh-Hans"),
        ("sr", ("sr-Latn",), "sr-Latn"),
        ("qu-PE", ("es", "qu"), "qu"),
        ("no", ("nb", "en"), "nb"),
        ("es", (), None),
    ],
)
def test_the_closest_of_several_varieties(wanted, offered, found) -> None:
    assert closest(wanted, offered) == found


@pytest.mark.parametrize(
    ("wishes", "found"),
    [
        # Each wish comes before those after it.
        (Wishes(cookie="es", stored="pt-BR", query="en"), "es"),
        (Wishes(stored="pt-BR", query="en", workshop="es"), "pt-BR"),
        (Wishes(query="en", workshop="es"), "en"),
        (Wishes(workshop="es", accept="pt-BR"), "es"),
        (Wishes(accept="sw", community="es", hub="pt-BR"), "sw"),
        (Wishes(community="ar", hub="pt-BR"), "ar"),
        (Wishes(hub="pt-BR"), "pt-BR"),
        (Wishes(), "en"),
        # What no offered language fits is passed over.
        (Wishes(cookie="klingon", accept="es"), "es"),
        (Wishes(cookie="qu", accept="pt"), "pt-BR"),
        (Wishes(query="de", workshop="fr"), "fr"),
        (Wishes(workshop="de", accept="pt-BR, en;q=0.5"), "pt-BR"),
        (Wishes(accept="de", community="es"), "es"),
        # Qualities.
        (Wishes(accept="de, es;q=0.2, pt;q=0.8"), "pt-BR"),
        (Wishes(accept="es;q=0.5, fr;q=0.5"), "es"),
        (Wishes(accept="es;q=0, en;q=0.1"), "en"),
        (Wishes(accept="es;q=0.001, en;q=0"), "es"),
        (Wishes(accept="es ; q = 0.9, fr"), "fr"),
        (Wishes(accept="EN-gb;Q=0.1, SW-ke;Q=0.9"), "sw"),
        (Wishes(accept="fr;q=1.5, es;q=0.5"), "fr"),
        (Wishes(accept="fr;q=2, es"), "es"),
        (Wishes(accept="fr;q=-1, es"), "es"),
        (Wishes(accept="fr;q=high, es"), "es"),
        # The wildcard leaves the choice to the community and the hub.
        (Wishes(accept="*", hub="pt-BR"), "pt-BR"),
        (Wishes(accept="de, *;q=0.5", community="ar"), "ar"),
        (Wishes(accept="*, es;q=0.1"), "es"),
        # A language of the header that is offered comes before the neighbour of one that is not.
        (Wishes(accept="qu"), "es"),
        (Wishes(accept="qu, pt;q=0.1"), "pt-BR"),
        (Wishes(accept="ca, en;q=0.5"), "en"),
        (Wishes(accept="wo", community="en"), "fr"),
        (Wishes(accept="de", community="ay"), "es"),
        # Real browsers.
        (Wishes(accept="es-419,es;q=0.9,en;q=0.8"), "es"),
        (Wishes(accept="pt-PT,pt;q=0.9,en-US;q=0.8,en;q=0.7"), "pt-BR"),
        (Wishes(accept="ar-SD,ar;q=0.9,en-US;q=0.8,en;q=0.7"), "ar"),
        (Wishes(accept="sw-KE,sw;q=0.9,en-GB;q=0.8"), "sw"),
        (Wishes(accept="zh-Hant-TW,zh;q=0.9,en;q=0.8"), "en"),
        # Garbage.
        (Wishes(accept=";;;,,,q=,es;q=9"), "en"),
        (Wishes(accept="z" * 10_000), "en"),
        (Wishes(accept="es," * 5_000), "es"),
        (Wishes(accept="," * 10_000 + "es"), "en"),
        (Wishes(accept="de;q=0.1," * 1_200 + "es"), "en"),
        (Wishes(cookie="x" * 10_000, query="\ud800", accept="fr"), "fr"),
    ],
)
def test_the_order_of_wishes(wishes, found) -> None:
    assert negotiate(wishes, OFFERED) == found


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("en", "en"),
        ("es", "es_ES"),
        ("pt-BR", "pt_BR"),
        ("fr", "fr_FR"),
        ("ar", "ar_SA"),
        ("sw", "sw_TZ"),
        # Of an operator's own: the pack of its language, else a name without one.
        ("es-PE", "es_ES"),
        ("pt-PT", "pt_BR"),
        ("en-GB", "en"),
        ("de", "de_DE"),
        ("nb", "no_NO"),
        ("zh-Hant", "zh_TW"),
        ("qu", "qu_PE"),
        ("ht", "ht_HT"),
        ("ay", "ay_BO"),
    ],
)
def test_jupyterlabs_name_of_a_language(tag, locale) -> None:
    assert lab_locale(tag) == locale


@pytest.mark.parametrize(
    "tag", ["es", "pt-BR", "qu", "ht", "ay", "quc", "zh-Hant-TW", "sr-Latn", "es-419", "qu-PE"]
)
def test_a_tag_of_a_language_that_has_a_code(tag) -> None:
    assert is_language_tag(tag)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e",
        "xx",
        "klingon",
        "es_PE",
        "es-",
        "und",
        "mul",
        "zxx",
        "*",
        "es\n",
        "../x",
        "x" * 10000,
        "es-Latn-Latn",
    ],
)
def test_what_is_no_tag_of_a_language(text) -> None:
    assert not is_language_tag(text)


@pytest.mark.parametrize(
    ("tag", "read"),
    [
        ("qu", "es"),
        ("ay", "es"),
        ("wo", "fr"),
        ("ht", "fr"),
        ("es-PE", "es"),
        ("ckb", "ar"),
        ("zh", None),
    ],
)
def test_the_language_that_most_of_its_speakers_also_read(tag, read) -> None:
    assert also_read(tag, OFFERED) == read
