"""What a server is started on: reading options that nobody vouches for, and the form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from houses import MEDIUM, SMALL

from jupyterhub_communities.application.leases import Choice, StartPlan
from jupyterhub_communities.application.remaining import PlaceLeft
from jupyterhub_communities.domain.profiles import Option, OtherImage, Profile, ProfileChoice
from jupyterhub_communities.domain.quotas import Claim, Scope, Verdict
from jupyterhub_communities.domain.remaining import Left
from jupyterhub_communities.hub.options import (
    draw_form,
    draw_left,
    left_at,
    read_options,
    scope_of,
    set_aside_sentence,
    sizes,
)
from jupyterhub_communities.i18n.messages import messages_for

ENGLISH, SPANISH = messages_for("en"), messages_for("es")


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (None, {}),
        ({}, {}),
        ({"profile": "small"}, {"profile": "small"}),
        ({"profile": ["small"]}, {"profile": "small"}),
        (
            {"opt-profile": ["small"], "opt-community": ["andes"]},
            {"profile": "small", "community": "andes"},
        ),
        (
            {"start_on": ["andes/taller/small"]},
            {"community": "andes", "workshop": "taller", "profile": "small"},
        ),
        ({"start_on": ["andes//small"]}, {"community": "andes", "profile": "small"}),
        ({"start_on": ["andes//"]}, {"community": "andes"}),
        ({"start_on": ["a/b/c/d/e"]}, {"community": "a", "workshop": "b", "profile": "c"}),
        ({"start_on": ["/"]}, {}),
        ({"profile": []}, {}),
        ({"profile": 7, "community": None, "workshop": {"a": 1}}, {}),
        ({"profile": "Small"}, {}),
        ({"profile": "../etc"}, {}),
        ({"profile": "x" * 41}, {}),
        ({"profile": "sm\nall"}, {}),
        ({"image": "evil", "cmd": "rm"}, {}),
        ({"opt-rescue": ["yes"]}, {"rescue": "yes"}),
        ({"rescue": "no"}, {}),
        ({"rescue": True}, {}),
        ({"start_on": ["rescue//"]}, {"community": "rescue"}),
    ],
)
def test_only_slugs_are_read(data, options) -> None:
    assert read_options(data) == options


@pytest.mark.parametrize(
    ("options", "scope"),
    [
        ({}, None),
        ({"workshop": "taller"}, None),
        ({"community": "andes"}, Scope("andes")),
        ({"community": "andes", "workshop": "taller"}, Scope("andes", "taller")),
    ],
)
def test_the_place_that_was_chosen(options, scope) -> None:
    assert scope_of(options) == scope


class Radios(HTMLParser):
    def __init__(self, form):
        super().__init__()
        self.values, self.checked, self.ids, self.labels = [], [], [], []
        self.feed(form)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "input":
            assert values["name"] == "start_on"
            assert "required" in values
            self.values.append(values["value"])
            self.ids.append(values["id"])
            if "checked" in values:
                self.checked.append(values["value"])
        if tag == "label":
            self.labels.append(values["for"])


def choice(*profiles, workshop="taller", name="Taller", preferred=None, left=None, waits=None):
    return Choice(
        scope=Scope("andes", workshop),
        name={"es": name},
        workshop=None,
        profiles=profiles,
        preferred_profile=preferred,
        left=() if left is None else (Left("servers", left),),
        waits=waits or {},
    )


@pytest.mark.parametrize(
    ("choices", "values", "checked"),
    [
        ([], [], []),
        ([choice(SMALL)], [], []),
        ([choice()], [], []),
        (
            [choice(SMALL, MEDIUM)],
            ["andes/taller/small", "andes/taller/medium"],
            "andes/taller/small",
        ),
        (
            [choice(SMALL, MEDIUM, preferred="medium")],
            ["andes/taller/small", "andes/taller/medium"],
            "andes/taller/medium",
        ),
        (
            [choice(SMALL, preferred="gone"), choice(SMALL, workshop=None)],
            ["andes/taller/small", "andes//small"],
            "andes/taller/small",
        ),
        ([choice(), choice(workshop=None)], ["andes/taller/", "andes//"], "andes/taller/"),
    ],
    ids=["nothing", "one", "no profiles", "two profiles", "preferred", "two places", "only places"],
)
def test_there_is_a_form_where_there_is_a_choice(choices, values, checked) -> None:
    form = draw_form(choices, ENGLISH)
    radios = Radios(form)
    assert radios.values == values
    assert radios.checked == ([checked] if checked else [])
    assert radios.ids == radios.labels
    assert len(set(radios.ids)) == len(radios.ids)
    assert bool(form) == bool(values)
    for value in values:
        assert scope_of(read_options({"start_on": [value]}))


def test_texts_of_communities_are_escaped() -> None:
    evil = Profile(
        slug="evil", names={"en": "<script>"}, descriptions={"en": '"><img src=x onerror=y>'}
    )
    form = draw_form([choice(evil, SMALL, name="<b>Taller</b> {0} %s")], ENGLISH)
    assert "<script>" not in form
    assert "<img" not in form
    assert "<b>" not in form
    assert "&lt;b&gt;Taller&lt;/b&gt; {0} %s" in form


def test_sizes_are_said_in_the_readers_language() -> None:
    assert sizes(SMALL, ENGLISH) == ENGLISH.listing(
        [
            ENGLISH.gettext("%(size)s of memory", size=ENGLISH.size(512_000_000)),
            ENGLISH.gettext("%(count)s processors", count="0.5"),
        ]
    )
    assert "0,5" in sizes(SMALL, SPANISH)
    assert sizes(MEDIUM, ENGLISH) == "1 processor"
    assert sizes(Profile(slug="x", names={}), ENGLISH) == ""
    large = Profile(
        slug="x", names={}, memory=2**30, storage=10 * 10**9, gpus={"t4": 2, "a100": 1, "l4": 0}
    )
    assert sizes(large, ENGLISH) == ENGLISH.listing(
        ["1 GiB of memory", "1 GPU (a100)", "2 GPUs (t4)", "10 GB of storage"]
    )


FULL = Claim(Scope("andes"), "servers", limit=3, used=3, asked=1, least=1)


def test_the_form_says_what_is_left_once_for_each_place() -> None:
    form = draw_form([choice(SMALL, MEDIUM, left=2), choice(SMALL, workshop=None)], ENGLISH)
    assert form.count("Left now:") == 1
    assert "Left now: 2 servers." in form
    assert left_at(choice(SMALL, left=2), ENGLISH) == "Left now for Taller: 2 servers."
    assert left_at(choice(SMALL), ENGLISH) == ""


def test_what_is_left_stands_a_line_for_each_place_above_a_form_of_the_operators() -> None:
    places = [
        PlaceLeft({"es": name}, (Left("servers", servers),), "UTC")
        for name, servers in (("<b>Uno</b>", 1), ("Otro", 2))
    ]
    assert draw_left(places, ENGLISH) == (
        '<p class="text-muted">Left now for &lt;b&gt;Uno&lt;/b&gt;: 1 server.</p>'
        '<p class="text-muted">Left now for Otro: 2 servers.</p>'
    )
    assert draw_left([], ENGLISH) == ""


def test_a_profile_that_does_not_fit_now_says_when_it_will_and_can_be_chosen_all_the_same() -> None:
    at = datetime(2026, 3, 2, 14, 0, 30, tzinfo=UTC)
    form = draw_form([choice(SMALL, MEDIUM, waits={"small": Verdict((FULL,), at)})], ENGLISH)
    assert "not enough for it now, but on March 2, 2026, 2:01" in form
    assert Radios(form).values == ["andes/taller/small", "andes/taller/medium"]


def test_where_nothing_would_start_the_form_has_the_rescue_server() -> None:
    full = {"small": Verdict((FULL,)), "medium": Verdict((FULL,))}
    form = draw_form([choice(SMALL, MEDIUM, left=0, waits=full)], ENGLISH)
    assert Radios(form).values[-1] == "rescue"
    assert read_options({"start_on": ["rescue"]}) == {"rescue": "yes"}
    other = choice(SMALL, MEDIUM, workshop=None)
    form = draw_form([choice(SMALL, MEDIUM, left=0, waits=full), other], ENGLISH)
    assert "rescue" not in Radios(form).values, "something would start elsewhere"


def test_the_progress_page_says_what_is_set_aside_and_that_a_rescue_is_short() -> None:
    plan = StartPlan(Scope("andes"), SMALL, None, None, amounts={"servers": 1, "memory": 2**30})
    assert set_aside_sentence(plan, ENGLISH) == "Set aside for it: 1 server and 1 GiB of memory."
    assert set_aside_sentence(replace(plan, is_rescue=True), ENGLISH).endswith(
        "It is for saving and deleting files, and stops after an hour."
    )


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ({"opt-choice-kind": ["big"]}, {"choice-kind": "big"}),
        ({"kind": "big", "other": "x"}, {"choice-kind": "big"}),
        ({"kind--unlisted-choice": "lab:1"}, {"choice-kind--other": "lab:1"}),
        ({"choice-kind": "../x", "choice-kind--other": "a b"}, {}),
        (
            {
                "start_on": ["andes//small"],
                "andes//small/kind": ["big"],
                "andes//medium/kind": ["no"],
                "andes//small/kind--other": [" "],
            },
            {"community": "andes", "profile": "small", "choice-kind": "big"},
        ),
    ],
)
def test_what_is_chosen_within_a_profile(data, options) -> None:
    assert read_options(data, {"kind"}) == options
    assert read_options(options, {"kind"}) == options, "saved options are read again"


CHOOSY = Profile(
    slug="choosy",
    names={"en": "Choosy"},
    choices=(
        ProfileChoice(
            slug="kind",
            names={"en": "Kind", "es": "Tipo"},
            options=(Option(slug="base", names={"en": "<Base>", "es": "<Básico>"}),),
            other_image=OtherImage(allowed="lab:.*"),
        ),
    ),
    lab_languages=("fr",),
)


def test_the_form_has_a_list_for_each_choice_and_says_where_jupyterlab_is_in_english() -> None:
    choice = Choice(Scope("andes"), {"en": "Andes"}, None, (CHOOSY,), None)
    form = draw_form([choice], SPANISH)
    assert '<select class="form-select" name="andes//choosy/kind"' in form
    assert '<option value="base" dir="auto">&lt;Básico&gt;</option>' in form
    assert 'name="andes//choosy/kind--other"' in form
    assert SPANISH.gettext("JupyterLab is in English here.") in form
    assert "JupyterLab" not in draw_form([choice], messages_for("fr"))


@pytest.mark.parametrize(
    ("tag", "milli_cpu", "words"),
    [
        ("en", 1000, "1 processor"),
        ("en", 500, "0.5 processors"),
        ("fr", 500, "0,5 processeur"),
        ("fr", 2000, "2 processeurs"),
        ("ar", 3000, "3 معالجات"),
        ("ar", 11000, "11 معالجًا"),
    ],
)
def test_processors_in_the_plural_of_the_language(tag, milli_cpu, words) -> None:
    profile = Profile(slug="p", names={"en": "P"}, milli_cpu=milli_cpu)
    assert sizes(profile, messages_for(tag)).replace("٣", "3").replace("١١", "11") == words
