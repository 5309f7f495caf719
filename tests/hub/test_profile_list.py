"""An operator's own `profile_list`, gated and translated within its entries, as KubeSpawner has it."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace

import pytest
from houses import andes, make_house

from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import StorageUnreachable
from jupyterhub_communities.hub.profile_list import read_list_options, read_profile_list
from jupyterhub_communities.hub.refused import SpawnRefused
from jupyterhub_communities.pages.language import use_language

pytest.importorskip("kubespawner", reason="install PyPI's package jupyterhub-kubespawner")

GIB = 1024**3
LIST = [
    {
        "display_name": "Lessons & exercises",  # no slug: KubeSpawner makes one of this
        "description": "Enough for lessons.",
        "translations": {
            "es": {"display_name": "Lecciones", "description": "Alcanza para las lecciones."},
            "pt-BR": {"display_name": "Lições"},
        },
        "kubespawner_override": {"mem_limit": "1G", "image": "lessons:1"},
        "profile_options": {
            "tools": {
                "display_name": "Tools",
                "translations": {"es": {"display_name": "Programas"}},
                "choices": {
                    "python": {
                        "display_name": "Python",
                        "kubespawner_override": {"image": "python:1"},
                    },
                    "maps": {
                        "display_name": "Maps",
                        "translations": {"es": {"display_name": "Mapas"}},
                        "default": True,
                        "kubespawner_override": {"image": "maps:1"},
                    },
                    "R_4.4": {
                        "display_name": "R",
                        "communities": ["cerrado"],
                        "kubespawner_override": {"image": "r:1"},
                    },
                },
                "unlisted_choice": {
                    "enabled": True,
                    "roles": ["instructor"],
                    "display_name": "Image",
                    "translations": {"es": {"display_name": "Imagen"}},
                    "validation_regex": r"^example\.org/.+$",
                    "kubespawner_override": {"image": "{value}"},
                },
            }
        },
    },
    {
        "slug": "gpu",
        "display_name": "GPU",
        "roles": ["instructor"],
        "kubespawner_override": {
            "extra_resource_limits": {"nvidia.com/gpu": "1"},
            "node_selector": {"pool": "gpu"},
        },
    },
    {
        "slug": "course",
        "display_name": "Course",
        "workshops": ["andes/taller-de-python"],
        "kubespawner_override": {"image": "course:1", "mem_limit": "512M"},
    },
    {"slug": "brazil", "display_name": "Brazil", "communities": ["cerrado"]},
]

OK = {"slug": "ok", "display_name": "OK"}
BOTH = (andes(), andes(slug="cerrado", champions=("thiago",)))


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, profiles=(), communities=BOTH)
    yield house
    house.close()


@pytest.fixture
async def spawner(house, make_pod_spawner):
    before = copy.deepcopy(LIST)
    yield make_pod_spawner(house, profile_list=LIST)
    assert before == LIST, "the operator's list is left as it is"


async def later(spawner):
    return LIST


@pytest.mark.parametrize(
    "configured",
    [{f"{number}": entry for number, entry in enumerate(LIST)}, lambda spawner: LIST, later],
    ids=["a dict", "a function", "an async function"],
)
async def test_however_the_list_is_configured(
    house, make_pod_spawner, join, manifest_of, configured
) -> None:
    join(house)
    spawner = make_pod_spawner(house, profile_list=configured)
    with use_language("es"):
        form = await spawner.get_options_form()
    assert "Lecciones" in form
    assert "GPU" not in form
    pod = await manifest_of(spawner, {"profile": "lessons-exercises", "tools": "python"})
    assert pod["spec"]["containers"][0]["image"] == "python:1"
    with pytest.raises(SpawnRefused):
        await manifest_of(spawner, {"profile": "gpu"})


async def test_the_form_has_what_is_theirs_in_their_language(house, spawner, join) -> None:
    join(house)
    with use_language("es"):
        form = await spawner.get_options_form()
    assert 'value="lessons-exercises"' in form, "the slug of the name that was not translated"
    for shown in ("Lecciones", "Alcanza para las lecciones.", "Programas", "Mapas", "Course"):
        assert shown in form
    for hidden in ("Lessons", "GPU", "Brazil", "R_4.4", "Imagen", "translations"):
        assert hidden not in form


async def test_a_language_that_was_not_translated_gets_the_original(house, spawner, join) -> None:
    join(house)
    with use_language("fr"):
        form = await spawner.get_options_form()
    assert "Lessons & exercises" in form
    with use_language("pt-BR"):
        form = await spawner.get_options_form()
    assert "Lições" in form
    assert "Enough for lessons." in form


async def test_staff_are_shown_what_is_for_staff(house, spawner, join) -> None:
    join(house)
    spawner.user.name = "ana"
    with use_language("es"):
        form = await spawner.get_options_form()
    assert "GPU" in form
    assert "Imagen" in form
    assert "Otra opción" in form, "the choice of something else, in the reader's language"


@pytest.mark.parametrize(
    ("options", "image", "profile"),
    [
        ({}, "maps:1", "lessons-exercises"),
        ({"profile": "lessons-exercises"}, "maps:1", "lessons-exercises"),
        ({"profile": "lessons-exercises", "tools": "python"}, "python:1", "lessons-exercises"),
        ({"profile": "course"}, "course:1", "course"),
        ({"profile": "course", "tools": "R_4.4"}, "course:1", "course"),
        ({"profile": ["course"], "x": {"y": 1}, "tools": ["R"]}, "course:1", "course"),
    ],
)
async def test_what_is_admitted_is_what_is_started(
    house, spawner, join, manifest_of, options, image, profile
) -> None:
    join(house)
    pod = await manifest_of(spawner, options)
    assert pod["spec"]["containers"][0]["image"] == image
    with house.database.read() as store:
        assert store.leases.of_server(spawner.server_key).profile == profile


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"profile": "gpu"}, "not offered to you"),
        ({"profile": "brazil"}, "not offered to you"),
        ({"profile": "gone"}, "There is no such profile"),
        ({"profile": "lessons-exercises", "tools": "R_4.4"}, "not offered here"),
        ({"profile": "lessons-exercises", "tools": "gone"}, "not offered here"),
        ({"profile": "lessons-exercises", "choice-tools": "R_4.4"}, "not offered here"),
        (
            {"profile": "lessons-exercises", "tools--unlisted-choice": "example.org/x"},
            "not offered here",
        ),
        # KubeSpawner itself checks nothing where no profile is named.
        ({"tools--unlisted-choice": "evil.org/x"}, "not offered here"),
        ({"tools": "R_4.4"}, "not offered here"),
    ],
)
async def test_what_is_not_theirs_is_refused_with_a_sentence(
    house, spawner, join, manifest_of, options, sentence
) -> None:
    join(house, language="en")
    with pytest.raises(SpawnRefused, match=sentence):
        await manifest_of(spawner, options)


async def test_something_else_is_for_staff_and_as_the_operator_allows(
    house, spawner, join, manifest_of
) -> None:
    spawner.user.name = "ana"
    lessons = {"profile": "lessons-exercises"}
    allowed = {**lessons, "tools--unlisted-choice": "example.org/mine:1"}
    pod = await manifest_of(spawner, allowed)
    assert pod["spec"]["containers"][0]["image"] == "example.org/mine:1"
    with pytest.raises(SpawnRefused):
        await manifest_of(spawner, {**lessons, "tools--unlisted-choice": "evil.org/x"})
    pod = await manifest_of(spawner, {"profile": "gpu"})
    assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["spec"]["nodeSelector"] == {"pool": "gpu"}


@pytest.mark.parametrize(
    "link",
    [
        {"profile": ["lessons-exercises"], "tools": ["python"]},
        {"opt-profile": ["lessons-exercises"], "opt-choice-tools": ["python"]},
        {"profile": ["lessons-exercises"], "profile-option-lessons-exercises--tools": ["python"]},
    ],
)
async def test_a_shared_link_works_in_every_language(
    house, spawner, join, manifest_of, link
) -> None:
    join(house)
    for language in ("en", "es", "ar"):
        with use_language(language):
            options = spawner.options_from_query(link)
            pod = await manifest_of(spawner, options)
        assert pod["spec"]["containers"][0]["image"] == "python:1"


async def test_a_saved_choice_is_chosen_again_in_another_language(house, spawner, join) -> None:
    join(house)
    spawner.user_options = {"profile": "course"}
    for language in ("en", "es"):
        with use_language(language):
            form = await spawner.get_options_form()
        row = form[form.index('value="course"') :]
        assert "checked" in row[: row.index("/>")]


async def test_an_entry_with_volumes_of_its_own_keeps_the_language_too(
    house, make_pod_spawner, join, manifest_of
) -> None:
    join(house)
    sets = {
        "volumes": [{"name": "data", "emptyDir": {}}],
        "volume_mounts": [{"name": "data", "mountPath": "/data"}],
    }
    spawner = make_pod_spawner(house, profile_list=[{**OK, "kubespawner_override": sets}])
    pod = await manifest_of(spawner)
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    mounts = {mount["name"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
    assert volumes == mounts == {"data", "jupyterhub-communities-lab"}


async def test_people_of_no_community_have_what_is_open_to_all(house, spawner, manifest_of) -> None:
    spawner.user.name = "carla"
    with use_language("en"):
        form = await spawner.get_options_form()
    assert "Lessons" in form
    assert "GPU" not in form
    pod = await manifest_of(spawner)
    assert pod["spec"]["containers"][0]["image"] == "maps:1"
    with pytest.raises(SpawnRefused):
        await manifest_of(spawner, {"profile": "course"})


@pytest.mark.parametrize(("named", "image"), [(None, "maps:1"), ("course", "course:1")])
async def test_in_days_of_grace_the_smallest_that_is_open_to_all_is_started_or_what_is_named(
    house, spawner, join, manifest_of, named, image
) -> None:
    house.settings = replace(house.settings, rescue_profile=named)
    join(house)
    house.clock.advance(days=31)  # the workshop's grants have lapsed
    assert "alert" in await spawner.get_options_form()
    pod = await manifest_of(spawner, {"profile": "gpu"})
    assert pod["spec"]["containers"][0]["image"] == image


async def test_over_quota_nobody_gets_the_servers_of_others_to_save_files(
    house, make_pod_spawner, join, manifest_of
) -> None:
    """The plain entry says no size: it is the Spawner's own."""
    with house.database.write() as store:
        store.limits.set_quota(Scope("andes"), Quota({"memory": Limit(GIB // 2)}))
    join(house)
    plain = {"slug": "plain", "display_name": "Plain"}
    large = {"mem_guarantee": "64G", "extra_resource_limits": {"nvidia.com/gpu": "1"}}
    gpu = {"slug": "gpu", "display_name": "G", "roles": ["champion"], "kubespawner_override": large}
    spawner = make_pod_spawner(house, profile_list=[gpu, plain], mem_guarantee="1G")
    pod = await manifest_of(spawner, {"rescue": "yes"})
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"memory": GIB}
    with house.database.read() as store:
        (lease,) = store.leases.unsettled()
    assert (lease.profile, lease.is_rescue) == ("plain", True)


SIZES = {
    "display_name": "Size",
    "choices": {
        "big": {
            "display_name": "Big",
            "default": True,
            "kubespawner_override": {"mem_guarantee": "8G", "mem_limit": "8G"},
        },
        "mini": {
            "display_name": "Mini",
            "kubespawner_override": {"mem_guarantee": "1G", "mem_limit": "1G"},
        },
    },
}


async def test_a_rescue_takes_the_smallest_option_of_each_choice(
    house, make_pod_spawner, join, manifest_of
) -> None:
    with house.database.write() as store:
        store.limits.set_quota(Scope("andes"), Quota({"memory": Limit(GIB // 2)}))
    join(house)
    listed = [{"slug": "python", "display_name": "P", "profile_options": {"size": SIZES}}]
    spawner = make_pod_spawner(house, profile_list=listed)
    pod = await manifest_of(spawner, {"rescue": "yes", "profile": "python", "size": "big"})
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"memory": GIB}
    with house.database.read() as store:
        (lease,) = store.leases.unsettled()
    assert (lease.is_rescue, lease.amounts["memory"]) == (True, GIB)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"profile": "python"}, "R"),
        ({"profile": "python", "size": "big"}, "R"),
        ({"profile": "r", "size": "big"}, "R"),  # as it starts where nothing is chosen
        ({"profile": "hooked"}, "R"),
    ],
)
async def test_a_refusal_names_an_entry_that_would_start_and_never_what_was_refused(
    house, make_pod_spawner, join, manifest_of, asked, named
) -> None:
    """Python is large by default, R is small; of a function it is not known how much it takes."""
    with house.database.write() as store:
        store.limits.set_quota(Scope("andes"), Quota({"memory": Limit(4 * GIB)}))
    join(house)
    small_first = {**SIZES, "choices": dict(reversed(SIZES["choices"].items()))}
    small_first["choices"]["big"] = {**SIZES["choices"]["big"], "default": False}
    override = {"mem_guarantee": lambda spawner: 8 * GIB, "mem_limit": "2G"}
    listed = [
        {"slug": "python", "display_name": "Python", "profile_options": {"size": SIZES}},
        {"slug": "r", "display_name": "R", "profile_options": {"size": small_first}},
        {"slug": "hooked", "display_name": "Hooked", "kubespawner_override": override},
    ]
    if asked["profile"] != "hooked":
        del listed[2]
    spawner = make_pod_spawner(house, profile_list=listed)
    with use_language("en"), pytest.raises(SpawnRefused) as refused:
        await manifest_of(spawner, asked)
    assert f"The profile {named} would start now." in refused.value.jupyterhub_message


GPU = {"nvidia.com/gpu": "1"}


@pytest.mark.parametrize(
    ("entry", "choice", "amounts"),
    [
        ({}, {"mem_guarantee": "1G", "mem_limit": "2G"}, {"memory": GIB}),
        ({}, {"mem_limit": "2G", "cpu_limit": 0.5}, {"memory": 2 * GIB, "cpu": 500}),
        (
            {"mem_guarantee": "1G", "cpu_limit": 2},
            {"mem_limit": "2G"},
            {"memory": GIB, "cpu": 2000},
        ),
        ({"cpu_limit": 2}, {"cpu_guarantee": 0.1}, {"cpu": 100}),
        ({"mem_limit": "1G"}, {"image": "maps:1"}, {"memory": GIB}),
        ({"mem_limit": "1G"}, {"mem_limit": lambda spawner: 1}, {"memory": GIB}),
        ({}, {"extra_resource_limits": GPU}, {"gpu.nvidia-com-gpu": 1}),
        ({}, {"extra_resource_guarantees": GPU}, {"gpu.nvidia-com-gpu": 1}),
        ({"extra_resource_limits": GPU}, {"image": "maps:1"}, {"gpu.nvidia-com-gpu": 1}),
        (
            {"extra_resource_limits": GPU},  # KubeSpawner adds to what the entry has
            {"extra_resource_limits": {"amd.com/gpu": "2"}},
            {"gpu.nvidia-com-gpu": 1, "gpu.amd-com-gpu": 2},
        ),
        ({"extra_resource_limits": GPU}, {"extra_resource_limits": {"nvidia.com/gpu": None}}, {}),
        ({}, None, {}),
    ],
)
def test_a_choice_is_as_large_as_it_sets_in_its_entry(entry, choice, amounts) -> None:
    inner = {"display_name": "It", "kubespawner_override": choice}
    more = {"display_name": "More", "kubespawner_override": {"image": "more:1"}}
    options = {
        "size": {"display_name": "Size", "choices": {"it": inner}},
        "more": {"display_name": "More", "choices": {"it": more}},
    }
    one = {**OK, "kubespawner_override": entry, "profile_options": options}
    (profile,) = read_profile_list([one], []).catalogue.profiles
    assert profile.with_choices({}).amounts == {"servers": 1, **amounts}


async def test_a_rescue_that_a_function_does_not_have_is_the_smallest_and_told(
    house, make_pod_spawner, join, manifest_of, caplog
) -> None:
    house.settings = replace(house.settings, rescue_profile="lesson")
    join(house)
    spawner = make_pod_spawner(house, profile_list=lambda spawner: LIST)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            await manifest_of(spawner, {"rescue": "yes"})
    assert caplog.messages == [
        "communities.yaml: hub.rescue_profile: there is no lesson in KubeSpawner.profile_list; "
        "there is: lessons-exercises, gpu, course, brazil"
    ]


async def test_what_is_left_stands_above_the_list_of_what_its_entries_take(
    house, make_pod_spawner, join
) -> None:
    limits = {"servers": Limit(3), "memory": Limit(6 * GIB), "storage": Limit(9)}
    with house.database.write() as store:
        store.limits.set_quota(Scope("andes"), Quota(limits))
    join(house)
    spawner = make_pod_spawner(house, profile_list=LIST)
    with use_language("es"):
        form = await spawner.get_options_form()
    line, _, rest = form.partition("</p>")
    assert line == (
        '<p class="text-muted">Disponible ahora para Taller de Python: 3 servidores y 6 GiB de memoria.'
    )
    assert "Lecciones" in rest
    assert "Disponible ahora" not in rest


async def test_one_click_starts_the_only_entry_that_is_theirs(
    house, make_pod_spawner, join, manifest_of
) -> None:
    join(house)
    spawner = make_pod_spawner(house, profile_list=LIST[1:])
    assert await spawner.get_options_form() == ""
    pod = await manifest_of(spawner, {"profile": "gpu"})  # what was chosen last time, elsewhere
    assert pod["spec"]["containers"][0]["image"] == "course:1"


async def test_a_list_that_has_nothing_for_them_starts_nothing(
    house, make_pod_spawner, join, manifest_of
) -> None:
    join(house, language="en")
    spawner = make_pod_spawner(house, profile_list=LIST[3:])
    assert await spawner.get_options_form() == ""
    with pytest.raises(SpawnRefused, match="No profile is offered to you"):
        await manifest_of(spawner)


class DeadDatabase:
    """A database that nobody reaches."""

    def read(self):
        raise StorageUnreachable

    write = read
    at_once = None

    def close(self):
        pass


async def test_without_a_database_only_what_is_open_to_all_is_started(
    tmp_path, make_pod_spawner, manifest_of
) -> None:
    (tmp_path / "dead").mkdir()
    house = make_house(
        tmp_path / "dead", profiles=(), communities=BOTH, admit_when_unreachable=True
    )
    house.database.close()
    house.database = DeadDatabase()
    spawner = make_pod_spawner(house, profile_list=LIST)
    pod = await manifest_of(spawner, {"profile": "lessons-exercises", "tools": "python"})
    assert pod["spec"]["containers"][0]["image"] == "python:1"
    with pytest.raises(SpawnRefused):
        await manifest_of(spawner, {"profile": "gpu"})
    house.close()


@pytest.mark.parametrize(
    ("entry", "mistake"),
    [
        ({"communities": ["andez"]},
         ".communities[0]: there is no andez in communities.yaml; did you mean andes?"),
        ({"communities": ["x"]},
         ".communities[0]: there is no x in communities.yaml; there is: andes, cerrado"),
        ({"communities": "andes"}, ".communities: expected a list of texts"),
        ({"comunities": ["andes"]}, ".comunities: unknown key; did you mean communities?"),
        ({"role": ["learner"]}, ".role: unknown key; did you mean roles?"),
        ({"roles": ["king"]}, ".roles[0]: there is no role king; known: learner, helper, "),
        ({"workshops": ["taller"]}, ".workshops[0]: expected a workshop as community/workshop"),
        ({"workshops": ["andez/taller"]}, ".workshops[0]: there is no andez"),
        ({"translations": {"klingon": {}}}, ".translations.klingon: expected a language tag"),
        ({"translations": {"es": "Uno"}}, ".translations.es: expected keys with values"),
        ({"translations": {"es": {"name": "Uno"}}},
         ".translations.es.name: expected one of display_name, description"),
        ({"translations": {"es": {"display_name": 1}}}, ".translations.es.display_name: expected a"),
        ({"slug": "x" * 65}, ".slug: expected at most 64 characters"),
        ({"slug": "ok", "roles": ["champion"]}, ".slug: another entry has the slug ok"),
        ({"profile_options": ["kind"]}, ".profile_options: expected keys with values"),
        ({"profile_options": {"kind": {"roles": ["learner"]}}},
         ".profile_options.kind.roles: a gate stands in the entry, in a choice or in unlisted_choice"),
        ({"profile_options": {"kind": {"choices": {"big": {"roles": ["king"]}}}}},
         ".profile_options.kind.choices.big.roles[0]: there is no role king"),
        ({"profile_options": {"kind": {"unlisted_choice": {"communities": [7]}}}},
         ".profile_options.kind.unlisted_choice.communities: expected a list of texts"),
    ],
)  # fmt: skip
def test_an_entry_with_a_mistake_is_offered_to_nobody_and_told(entry, mistake) -> None:
    wrong = {"slug": "wrong", "display_name": "Wrong", **entry}
    listed = read_profile_list([OK, wrong], ["andes", "cerrado"])
    assert listed.entries == (OK,)
    assert [profile.slug for profile in listed.catalogue.profiles] == ["ok"]
    assert len(listed.mistakes) == 1
    assert listed.mistakes[0].startswith(f"profile_list[1]{mistake}")


def test_keys_of_an_operators_own_form_are_no_mistakes() -> None:
    own = {**OK, "icon": "x.png", "profile_options": {"kind": {"help": "?", "choices": {}}}}
    assert read_profile_list([own], []).mistakes == ()


async def test_a_mistake_in_a_function_is_logged_once_and_the_rest_is_offered(
    house, make_pod_spawner, join, caplog
) -> None:
    join(house)
    wrong = {"slug": "w", "display_name": "Wrong", "roles": ["emperor"]}
    spawner = make_pod_spawner(house, profile_list=lambda spawner: [*LIST, wrong])
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            form = await spawner.get_options_form()
    assert "Course" in form
    assert "Wrong" not in form
    (record,) = [r for r in caplog.records if "emperor" in r.getMessage()]
    assert "profile_list[4].roles[0]: there is no role emperor" in record.getMessage()


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (None, {}),
        ({"profile": 7, "tools": {"a": 1}}, {}),
        ({"profile": "p", "tools": "x" * 256}, {"profile": "p"}),
        (
            {"profile": ["p"], "profile-option-p--kind": ["R_4.4"]},
            {"profile": "p", "kind": "R_4.4"},
        ),
        ({"choice-kind--other": "a"}, {"kind--unlisted-choice": "a"}),
    ],
)
def test_options_are_texts_by_kubespawners_names(data, options) -> None:
    assert read_list_options(data) == options
