"""Who may start which profile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jupyterhub_communities.domain.grants import NOBODY, Actor, Grant, Role, Source
from jupyterhub_communities.domain.profiles import (
    Catalogue,
    Option,
    OtherImage,
    Profile,
    ProfileChoice,
)
from jupyterhub_communities.domain.refusals import (
    ImageNotAllowed,
    NoProfileOffered,
    OptionNotOffered,
    ProfileNotOffered,
    ProfileUnknown,
)

NAMES = {"en": "Name"}
OPEN = Profile(slug="open", names=NAMES)
ANDES = Profile(slug="andes", names=NAMES, communities=frozenset({"andes"}))
STAFF = Profile(slug="staff", names=NAMES, roles=frozenset({Role.INSTRUCTOR}))
HELPERS = Profile(slug="helpers", names=NAMES, roles=frozenset({Role.HELPER, Role.CHAMPION}))
MAPS = Profile(slug="maps", names=NAMES, workshops=frozenset({"andes/mapas"}))
MAPS_STAFF = Profile(
    slug="maps-staff",
    names=NAMES,
    workshops=frozenset({"andes/mapas"}),
    roles=frozenset({Role.INSTRUCTOR}),
)
CATALOGUE = Catalogue((OPEN, ANDES, STAFF, HELPERS, MAPS, MAPS_STAFF))


def someone(role: Role, community: str = "andes", workshop: str | None = None) -> Actor:
    grant = Grant(
        id="g",
        account_id="a",
        role=role,
        community=community,
        workshop=workshop,
        source=Source.INVITE,
        made_by=None,
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Actor("a", (grant,))


@pytest.mark.parametrize(
    ("actor", "community", "workshop", "offered"),
    [
        (someone(Role.LEARNER), "andes", None, "open andes"),
        (someone(Role.LEARNER, "cerrado"), "cerrado", None, "open"),
        (someone(Role.INSTRUCTOR), "andes", None, "open andes staff helpers"),
        (someone(Role.CHAMPION), "andes", None, "open andes staff helpers"),
        (someone(Role.LEARNER), "andes", "mapas", "open andes maps"),
        (someone(Role.LEARNER, workshop="mapas"), "andes", "mapas", "open andes maps"),
        (someone(Role.LEARNER, workshop="mapas"), "andes", "otro", "open andes"),
        (someone(Role.HELPER, workshop="mapas"), "andes", "mapas", "open andes helpers maps"),
        (someone(Role.HELPER, workshop="mapas"), "andes", "otro", "open andes"),
        (
            someone(Role.INSTRUCTOR),
            "andes",
            "mapas",
            "open andes staff helpers maps maps-staff",
        ),
        # A workshop of the same name in another community is another workshop.
        (someone(Role.INSTRUCTOR, "cerrado"), "cerrado", "mapas", "open staff helpers"),
        # People of no community are learners of nothing.
        (Actor("a"), None, None, "open"),
    ],
)
def test_what_is_offered_by_community_role_and_workshop(
    actor, community, workshop, offered
) -> None:
    found = CATALOGUE.offered(actor, community, workshop)
    assert [profile.slug for profile in found] == offered.split()


@pytest.mark.parametrize(
    ("slug", "preferred", "chosen"),
    [
        (None, None, "open"),
        (None, "andes", "andes"),
        (None, "staff", "open"),  # the workshop's profile, where it is offered
        (None, "gone", "open"),
        ("andes", "open", "andes"),
        ("staff", None, ProfileNotOffered),
        ("maps", None, ProfileNotOffered),
        ("gone", None, ProfileUnknown),
    ],
)
def test_what_a_server_starts_with(slug, preferred, chosen) -> None:
    def choose():
        return CATALOGUE.choose(slug, someone(Role.LEARNER), "andes", None, preferred=preferred)

    if isinstance(chosen, str):
        profile = choose()
        assert profile is not None
        assert profile.slug == chosen
    else:
        with pytest.raises(chosen):
            choose()


SMALL_IMAGE = Option(slug="base", names=NAMES, images={"en": "lab:1", "es": "lab:es"})
BIG = Option(
    slug="big",
    names=NAMES,
    memory=8,
    environment={"A": {"en": "2"}},
    roles=frozenset({Role.INSTRUCTOR}),
)
KIND = ProfileChoice(
    slug="kind",
    names=NAMES,
    options=(SMALL_IMAGE, BIG),
    other_image=OtherImage(allowed=r"example\.org/.*", communities=frozenset({"andes"})),
)
CHOOSY = Profile(
    slug="choosy",
    names=NAMES,
    memory=1,
    environment={"A": {"en": "1"}, "B": {"en": "hello", "es": "hola"}},
    choices=(KIND,),
    former_slugs=frozenset({"fussy"}),
)


def choose(actor, picked, community="andes", slug="choosy", preferred=None):
    return Catalogue((OPEN, CHOOSY)).choose(
        slug, actor, community, None, preferred=preferred, picked=picked
    )


def test_an_option_goes_before_its_profile() -> None:
    profile = choose(someone(Role.INSTRUCTOR), {"kind": "big"})
    assert (profile.memory, profile.variables("es")) == (8, {"A": "2", "B": "hola"})


def test_the_first_option_is_taken_where_none_was_picked() -> None:
    profile = choose(someone(Role.LEARNER), {"other-profiles-choice": "x"})
    assert (profile.memory, profile.image("es"), profile.image("fr")) == (1, "lab:es", "lab:1")


@pytest.mark.parametrize(
    ("role", "community", "picked", "refusal"),
    [
        (Role.LEARNER, "andes", {"kind": "big"}, OptionNotOffered),
        (Role.CHAMPION, "andes", {"kind": "gone"}, OptionNotOffered),
        (Role.CHAMPION, "andes", {"kind--other": "evil.org/x"}, ImageNotAllowed),
        (Role.CHAMPION, "andes", {"kind--other": "x example.org/x"}, ImageNotAllowed),
        (Role.CHAMPION, "cerrado", {"kind--other": "example.org/x"}, OptionNotOffered),
    ],
)
def test_a_choice_has_gates_of_its_own(role, community, picked, refusal) -> None:
    with pytest.raises(refusal):
        choose(someone(role, community), picked, community)


def test_another_image_that_is_allowed_goes_before_the_options() -> None:
    picked = {"kind": "base", "kind--other": "example.org/mine:2"}
    assert choose(someone(Role.LEARNER), picked).image("es") == "example.org/mine:2"


def test_a_profile_is_found_by_a_slug_that_it_had() -> None:
    assert choose(someone(Role.LEARNER), {}, slug="fussy").slug == "choosy"
    assert choose(someone(Role.LEARNER), {}, slug=None, preferred="fussy").slug == "choosy"


def test_the_form_has_only_the_options_that_are_offered() -> None:
    (_, profile) = Catalogue((OPEN, CHOOSY)).offered(
        someone(Role.LEARNER, "cerrado"), "cerrado", None
    )
    (choice,) = profile.choices
    assert [option.slug for option in choice.options] == ["base"]
    assert choice.other_image is None


def test_a_community_has_an_order_of_its_own() -> None:
    catalogue = Catalogue((OPEN, ANDES, MAPS), orders={"andes": ["andes"]})
    assert [p.slug for p in catalogue.offered(someone(Role.LEARNER), "andes", None)] == [
        "andes",
        "open",
    ]
    assert [p.slug for p in catalogue.offered(someone(Role.LEARNER), "otra", None)] == ["open"]


@pytest.mark.parametrize(
    ("languages", "tag", "speaks"),
    [
        (None, "sw", True),
        (("es",), "es-MX", True),
        (("es",), "en", True),
        (("es",), "sw", False),
        ((), "es", False),
    ],
)
def test_whether_jupyterlab_speaks_a_language(languages, tag, speaks) -> None:
    profile = Profile(slug="lab", names=NAMES, lab_languages=languages)
    assert profile.has_lab_in(tag) is speaks


def test_what_a_server_of_a_profile_holds_is_what_the_profile_says() -> None:
    assert OPEN.amounts == {"servers": 1}
    sized = Profile(slug="lab", names=NAMES, milli_cpu=500, memory=2**30)
    assert sized.amounts == {"servers": 1, "cpu": 500, "memory": 2**30}
    assert choose(someone(Role.INSTRUCTOR), {"kind": "big"}).amounts["memory"] == 8


@pytest.mark.parametrize(
    ("option", "amounts"),
    [
        ({}, {"servers": 1, "storage": 10, "gpu.a100": 2}),
        ({"gpus": {"t4": 1}}, {"servers": 1, "storage": 10, "gpu.t4": 1}),
        ({"gpus": {}, "storage": 20}, {"servers": 1, "storage": 20}),
    ],
)
def test_gpus_and_storage_are_held_and_an_options_gpus_go_in_place_of_all(option, amounts) -> None:
    profile = Profile(slug="gpu", names=NAMES, storage=10, gpus={"a100": 2})
    assert profile.with_option(Option(slug="o", names=NAMES, **option)).amounts == amounts


@pytest.mark.parametrize(
    ("community", "profiles"),
    [("andes", "open andes staff helpers maps maps-staff"), ("cerrado", "open staff helpers")],
)
def test_what_a_workshop_of_a_community_may_be_held_with(community, profiles) -> None:
    assert " ".join(p.slug for p in CATALOGUE.of_community(community)) == profiles
    reordered = Catalogue(CATALOGUE.profiles, orders={community: ["staff"]})
    assert reordered.of_community(community)[0].slug == "staff"


def test_a_form_of_several_places_has_the_choices_of_each() -> None:
    learner = CHOOSY.narrowed(someone(Role.LEARNER, "cerrado"), "cerrado", None)
    staff = CHOOSY.narrowed(someone(Role.INSTRUCTOR), "andes", None)
    (choice,) = learner.united(staff).choices
    assert [option.slug for option in choice.options] == ["base", "big"]
    assert choice.other_image is not None
    assert learner.united(learner) == learner


def test_where_every_profile_is_for_others_nothing_is_chosen() -> None:
    with pytest.raises(NoProfileOffered):
        Catalogue((ANDES,)).choose(None, Actor("a"), None, None, preferred=None)
    assert Catalogue(()).choose(None, Actor("a"), None, None, preferred=None) is None


TINY = Profile(slug="tiny", names=NAMES, memory=1)
LARGE = Profile(slug="large", names=NAMES, memory=64)
A100 = Profile(slug="a100", names=NAMES, memory=1, gpus={"a100": 1})
TWO_A100 = replace(A100, slug="two-a100", gpus={"a100": 2})
FOR_STAFF = frozenset({Role.INSTRUCTOR})


@pytest.mark.parametrize(
    ("profiles", "otherwise", "rescue"),
    [
        ((LARGE, OPEN), {"memory": 8}, "open"),  # of what it says nothing, the Spawner has its own
        ((LARGE, OPEN), {"memory": 80}, "large"),
        ((LARGE, OPEN), {}, "large"),  # else it is thought to take 1 GiB
        ((replace(LARGE, memory=2**31), OPEN), {}, "open"),
        ((LARGE, TINY), {"memory": 8}, "tiny"),
        (
            (OPEN, TINY, replace(TINY, slug="thin", milli_cpu=100)),
            {"memory": 8, "cpu": 500},
            "thin",
        ),
        ((LARGE, replace(TINY, roles=FOR_STAFF)), {}, "large"),
        ((LARGE, replace(TINY, communities=frozenset({"cerrado"}))), {}, "large"),
        ((LARGE, replace(TINY, communities=frozenset({"andes"}))), {}, "tiny"),
        ((A100, LARGE), {}, "large"),
        ((A100, replace(LARGE, roles=FOR_STAFF)), {}, "large"),
        ((TWO_A100, A100), {}, "a100"),
        ((TWO_A100, replace(A100, roles=FOR_STAFF)), {}, "two-a100"),
        ((replace(LARGE, roles=FOR_STAFF), replace(TINY, roles=FOR_STAFF)), {}, "tiny"),
    ],
)
def test_a_rescue_starts_the_smallest_that_is_theirs_and_no_gpu_where_it_can_do_without(
    profiles, otherwise, rescue
) -> None:
    learner = someone(Role.LEARNER)
    found = Catalogue(profiles).rescue(None, learner, "andes", None, otherwise=otherwise)
    assert found is not None
    assert found.slug == rescue


def test_in_days_of_grace_a_rescue_starts_the_smallest_that_is_open_to_all() -> None:
    catalogue = Catalogue((LARGE, replace(TINY, communities=frozenset({"andes"}))))
    assert catalogue.rescue(None, NOBODY, None, None, otherwise={}) == LARGE


def test_a_rescue_is_what_the_operator_names_as_long_as_there_is_one() -> None:
    catalogue = Catalogue((TINY, replace(LARGE, former_slugs=frozenset({"big"}))))
    names = ["large", "big", "gone", None]
    found = [catalogue.rescue(name, NOBODY, None, None, otherwise={}) for name in names]
    assert [profile and profile.slug for profile in found] == ["large", "large", "tiny", "tiny"]
    assert Catalogue(()).rescue("large", NOBODY, None, None, otherwise={}) is None


def test_a_rescue_has_no_choice_that_is_for_others() -> None:
    for profile in (CHOOSY, replace(CHOOSY, roles=frozenset({Role.CHAMPION}))):
        found = Catalogue((profile,)).rescue("choosy", NOBODY, None, None, otherwise={})
        assert found is not None
        assert [option.slug for c in found.choices for option in c.options] == ["base"]


def sized(slug: str, **sizes) -> Option:
    return Option(slug=slug, names=NAMES, **sizes)


def choice_of(slug: str, *options: Option) -> ProfileChoice:
    return ProfileChoice(slug=slug, names=NAMES, options=options)


@pytest.mark.parametrize(
    ("options", "otherwise", "picked"),
    [
        ((sized("big", memory=8), sized("mini", memory=1)), {}, "mini"),
        ((sized("one"), sized("two")), {}, "one"),
        ((sized("big", memory=8), sized("plain")), {"memory": 4}, "plain"),
        ((sized("big", memory=2), sized("plain")), {"memory": 4}, "big"),
        ((sized("gpu", gpus={"a100": 1}), sized("big", memory=8)), {}, "big"),
        ((sized("big", memory=8), sized("mini", memory=1, roles=FOR_STAFF)), {}, "big"),
    ],
)
def test_a_rescue_takes_the_smallest_option_that_is_theirs(options, otherwise, picked) -> None:
    profile = replace(OPEN, choices=(choice_of("size", *options), choice_of("color", sized("red"))))
    found = Catalogue((profile,)).rescue(None, NOBODY, None, None, otherwise=otherwise)
    assert found is not None
    assert found.smallest_picked(otherwise) == {"size": picked, "color": "red"}


def test_a_profile_is_as_small_as_its_smallest_options_are() -> None:
    sizes = choice_of("size", sized("big", memory=90), sized("mini", memory=1))
    profiles = (replace(OPEN, memory=80, choices=(sizes,)), LARGE)
    found = Catalogue(profiles).rescue(None, NOBODY, None, None, otherwise={})
    assert found is not None
    assert found.slug == "open"
