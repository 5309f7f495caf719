"""Which language a reader gets."""

import pytest

from jupyterhub_communities.i18n.negotiation import Wishes, closest, lab_locale, negotiate

OFFERED = ("en", "es", "pt-BR")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("es", "es"),
        ("ES", "es"),
        ("es-MX", "es"),
        ("es-419", "es"),
        ("es_PE", "es"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("en-GB", "en"),
        ("sw", None),
        ("sw-KE", None),
        ("zh-Hant", None),
        ("*", None),
        ("", None),
        (None, None),
        ("../../etc", None),
        ("x" * 10_000, None),
        ("es-" * 50, None),
    ],
)
def test_the_closest_offered_language(wanted, found) -> None:
    assert closest(wanted, OFFERED) == found


@pytest.mark.parametrize(
    ("wishes", "found"),
    [
        (Wishes(cookie="es", stored="pt-BR", query="en"), "es"),
        (Wishes(stored="pt-BR", query="en", workshop="es"), "pt-BR"),
        (Wishes(query="en", workshop="es"), "en"),
        (Wishes(workshop="es", accept="pt-BR"), "es"),
        (Wishes(workshop="sw", accept="pt-BR, en;q=0.5"), "pt-BR"),
        (Wishes(accept="fr, es;q=0.2, pt;q=0.8"), "pt-BR"),
        (Wishes(accept="es;q=0, en;q=0.1"), "en"),
        (Wishes(accept="fr", community="es", hub="pt-BR"), "es"),
        (Wishes(accept="*", hub="pt-BR"), "pt-BR"),
        (Wishes(cookie="klingon", accept="es"), "es"),
        (Wishes(accept=";;;,,,q=,es;q=9"), "en"),
        (Wishes(accept="z" * 10_000), "en"),
        (Wishes(), "en"),
    ],
)
def test_the_order_of_wishes(wishes, found) -> None:
    assert negotiate(wishes, OFFERED) == found


@pytest.mark.parametrize(
    ("tag", "locale"),
    [("en", "en"), ("es", "es_ES"), ("pt-BR", "pt_BR"), ("fr", "fr_FR"), ("ar", "ar_SA")],
)
def test_jupyterlabs_name_of_a_language(tag, locale) -> None:
    assert lab_locale(tag) == locale
