"""What a pod's manifest says of the profile, the choices within it, and the language."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from houses import SMALL, make_house

from jupyterhub_communities.application.leases import StartPlan
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.profiles import Option, OtherImage, Profile, ProfileChoice
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import StorageUnreachable
from jupyterhub_communities.hub.refused import SpawnRefused
from jupyterhub_communities.i18n.messages import messages_for
from jupyterhub_communities.pages.language import use_language

pytest.importorskip("kubespawner", reason="install PyPI's package jupyterhub-kubespawner")

from jupyterhub_communities.hub.kubernetes import profile_option

GIB = 1024**3
IMAGE = Profile(
    slug="image",
    names={"en": "Image", "es": "Imagen"},
    milli_cpu=1500,
    memory=2 * GIB,
    images={"en": "example.org/lab:1"},
    environment={"COLOUR": {"en": "blue"}},
    default_urls={"es": "/lab/tree/lección {1}.ipynb"},
)
OPTIONS = {
    "base": {},
    "cpu": {"milli_cpu": 4000},
    "memory": {"memory": 8 * GIB},
    "image": {"images": {"en": "example.org/maps:1", "es": "example.org/mapas:1"}},
    "variables": {"environment": {"COURSE": {"en": "novice", "es": "novato"}}},
    "gpu": {
        "overrides": {
            "extra_resource_guarantees": {"nvidia.com/gpu": "1"},
            "extra_resource_limits": {"nvidia.com/gpu": "1"},
            "node_selector": {"pool": "gpu"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
        }
    },
    "staff": {"roles": frozenset({Role.INSTRUCTOR})},
}
KIND = ProfileChoice(
    slug="kind",
    names={"en": "Kind", "es": "<Tipo>"},
    options=tuple(
        Option(slug=slug, names={"en": slug.title()}, **sets) for slug, sets in OPTIONS.items()
    ),
    other_image=OtherImage(allowed=r"example\.org/.*"),
)
CHOOSY = Profile(
    slug="choosy",
    names={"en": "Choosy"},
    milli_cpu=500,
    memory=GIB,
    choices=(KIND,),
    overrides=({"node_selector": {"zone": "a"}},),
)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, profiles=(SMALL, IMAGE, CHOOSY))
    yield house
    house.close()


@pytest.fixture
async def spawner(house, make_pod_spawner):
    return make_pod_spawner(house)


@pytest.fixture(params=["our form", "KubeSpawner's form"])
async def either(house, make_pod_spawner, request):
    """The same catalogue by both ways."""
    if request.param == "our form":
        return make_pod_spawner(house)
    return make_pod_spawner(house, profile_list=lambda spawner: spawner.profile_entries())


async def test_a_profile_sets_limits_requests_image_and_environment(
    house, either, join, manifest_of
) -> None:
    join(house, profile="image")
    pod = await manifest_of(either)
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "example.org/lab:1"
    assert container["resources"]["limits"] == {"cpu": 1.5, "memory": 2 * GIB}
    assert container["resources"]["requests"] == {"cpu": 1.5, "memory": 2 * GIB}
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert environment["COLOUR"] == "blue"
    assert environment["LANGUAGE"] == "es_ES"
    assert either.format_string(either.default_url) == "/lab/tree/lección {1}.ipynb"


def flat(value, path="") -> dict[str, object]:
    """Each leaf of a manifest by its path; what is named in a list goes by its name."""
    if isinstance(value, dict):
        return {
            k: v for key, inner in value.items() for k, v in flat(inner, f"{path}/{key}").items()
        }
    if isinstance(value, list):
        named = [
            (inner.get("name", n) if isinstance(inner, dict) else n)
            for n, inner in enumerate(value)
        ]
        return {
            k: v
            for name, inner in zip(named, value, strict=True)
            for k, v in flat(inner, f"{path}/{name}").items()
        }
    return {path: value}


LAB = "/spec/containers/notebook"


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"choice-kind": "base"}, {}),
        ({"choice-kind": "cpu"}, {
            f"{LAB}/resources/limits/cpu": 4.0, f"{LAB}/resources/requests/cpu": 4.0,
            f"{LAB}/env/CPU_LIMIT/value": "4.0", f"{LAB}/env/CPU_GUARANTEE/value": "4.0",
        }),
        ({"choice-kind": "memory"}, {
            f"{LAB}/resources/limits/memory": 8 * GIB, f"{LAB}/resources/requests/memory": 8 * GIB,
            f"{LAB}/env/MEM_LIMIT/value": str(8 * GIB), f"{LAB}/env/MEM_GUARANTEE/value": str(8 * GIB),
        }),
        ({"choice-kind": "image"}, {
            f"{LAB}/image": "example.org/mapas:1",
            f"{LAB}/env/JUPYTER_IMAGE/value": "example.org/mapas:1",
            f"{LAB}/env/JUPYTER_IMAGE_SPEC/value": "example.org/mapas:1",
        }),
        ({"choice-kind": "variables"}, {
            f"{LAB}/env/COURSE/name": "COURSE", f"{LAB}/env/COURSE/value": "novato",
        }),
        ({"choice-kind": "gpu"}, {
            f"{LAB}/resources/limits/nvidia.com/gpu": "1",
            f"{LAB}/resources/requests/nvidia.com/gpu": "1",
            "/spec/nodeSelector/pool": "gpu",
            "/spec/tolerations/0/key": "gpu",
            "/spec/tolerations/0/operator": "Exists",
        }),
        ({"choice-kind--other": "example.org/mine:2"}, {
            f"{LAB}/image": "example.org/mine:2",
            f"{LAB}/env/JUPYTER_IMAGE/value": "example.org/mine:2",
            f"{LAB}/env/JUPYTER_IMAGE_SPEC/value": "example.org/mine:2",
        }),
    ],
    ids=lambda value: next(iter(value.values()), "") if value and "choice" in next(iter(value)) else "",
)  # fmt: skip
async def test_a_choice_changes_in_the_manifest_what_it_sets_and_nothing_else(
    house, make_pod_spawner, either, join, manifest_of, options, changes
) -> None:
    join(house, profile="choosy")
    before = flat(await manifest_of(make_pod_spawner(house)))
    after = flat(await manifest_of(either, {"profile": "choosy", **options}))
    assert before["/spec/nodeSelector/zone"] == after["/spec/nodeSelector/zone"] == "a"
    assert {path: value for path, value in after.items() if before.get(path) != value} == changes
    assert not set(before) - set(after)


@pytest.mark.parametrize(
    "mounts",
    [[{"name": "data", "mountPath": "/data"}], {"data": {"name": "data", "mountPath": "/data"}}],
)
async def test_jupyterlabs_settings_for_the_language_come_with_the_pod(
    house, spawner, join, manifest_of, mounts
) -> None:
    join(house, profile="image")
    spawner.volume_mounts = mounts
    spawner.environment = {"JUPYTER_CONFIG_PATH": "/opt/theirs"}
    pod = await manifest_of(spawner)
    (container,) = pod["spec"]["containers"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        "/data",
        "/etc/jupyterhub-communities/lab",
    }
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert environment["JUPYTER_CONFIG_PATH"] == "/etc/jupyterhub-communities/lab:/opt/theirs"
    (volume,) = [v for v in pod["spec"]["volumes"] if v["name"] == "jupyterhub-communities-lab"]
    files = {
        item["path"]: json.loads(
            pod["metadata"]["annotations"][item["fieldRef"]["fieldPath"].split("'")[1]]
        )
        for item in volume["downwardAPI"]["items"]
    }
    overrides = files["labconfig/default_setting_overrides.json"]
    assert overrides["@jupyterlab/translation-extension:plugin"] == {"locale": "es_ES"}
    assert files["jupyter_server_config.json"]["HubOAuth"]


async def test_the_catalogue_is_a_profile_list_in_the_readers_language(
    house, spawner, join
) -> None:
    join(house, profile="image")
    with use_language("es"):
        entries = await spawner.profile_entries()
    assert [(e["slug"], e["display_name"], e["default"]) for e in entries] == [
        ("small", "Pequeño", False),
        ("image", "Imagen", True),
        ("choosy", "Choosy", False),
    ]
    (kind,) = entries[2]["profile_options"].values()
    assert kind["display_name"] == "&lt;Tipo&gt;"
    assert list(kind["choices"]) == [slug for slug in OPTIONS if slug != "staff"]


async def test_a_choice_of_one_place_is_shown_also_where_another_place_has_it_not(
    tmp_path, make_pod_spawner, join
) -> None:
    """KubeSpawner's form knows no places: it shows what may be started somewhere."""
    (tmp_path / "two").mkdir()
    kind = ProfileChoice(
        "kind",
        {"en": "Kind"},
        (
            Option(slug="base", names={"en": "Base"}),
            Option(slug="maps", names={"en": "Maps"}, workshops=frozenset({"andes/mapas"})),
        ),
    )
    house = make_house(
        tmp_path / "two", profiles=(Profile(slug="p", names={"en": "P"}, choices=(kind,)),)
    )
    spawner = make_pod_spawner(house, profile_list=lambda spawner: spawner.profile_entries())
    join(house, title="Mapas", profile=None)
    join(house, title="Otro", profile=None)
    form = await spawner.get_options_form()
    assert form.index("Base") < form.index("Maps")
    spawner.user_options = {"profile": "p", "kind": "maps"}
    plan = await spawner._prepare()
    assert plan.scope.workshop == "mapas", "charged to the place that offers it"
    house.close()


async def test_our_form_is_drawn_and_read(house, spawner, join) -> None:
    join(house)
    assert 'name="start_on"' in await spawner.get_options_form()
    options = spawner.run_options_from_form({"start_on": ["andes//image"], "image": ["evil"]})
    assert options == {"community": "andes", "profile": "image"}


async def test_one_profile_alone_starts_without_a_form(tmp_path, make_pod_spawner, join) -> None:
    (tmp_path / "one").mkdir()
    house = make_house(tmp_path / "one", profiles=(SMALL,))
    spawner = make_pod_spawner(house, profile_list=lambda spawner: spawner.profile_entries())
    join(house)
    assert await spawner.get_options_form() == ""
    house.close()


async def test_in_days_of_grace_the_rescue_profile_starts_though_the_list_has_it_not(
    tmp_path, make_pod_spawner, join, manifest_of
) -> None:
    (tmp_path / "grace").mkdir()
    gated = replace(IMAGE, communities=frozenset({"andes"}))
    house = make_house(tmp_path / "grace", profiles=(gated,))
    spawner = make_pod_spawner(house, profile_list=lambda spawner: spawner.profile_entries())
    join(house)
    house.clock.advance(days=31)  # the workshop's grants have lapsed
    pod = await manifest_of(spawner, {"profile": "image"})
    assert pod["spec"]["containers"][0]["image"] == "example.org/lab:1"
    house.close()


@pytest.mark.parametrize("shows_list", [False, True])
async def test_a_rescue_is_made_with_the_smallest_option_also_where_the_list_is_the_catalogues(
    tmp_path, make_pod_spawner, join, manifest_of, shows_list
) -> None:
    (tmp_path / "choosy").mkdir()
    options = tuple(option for option in KIND.options if option.slug in ("memory", "image"))
    choosy = replace(CHOOSY, choices=(replace(KIND, options=options),))
    house = make_house(tmp_path / "choosy", profiles=(choosy,), hub_servers=0)
    traits = {"profile_list": lambda spawner: spawner.profile_entries()} if shows_list else {}
    join(house)
    pod = await manifest_of(make_pod_spawner(house, **traits), {"rescue": "yes", "kind": "memory"})
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": 0.5, "memory": GIB}
    assert container["image"] == "example.org/mapas:1"
    with house.database.read() as store:
        assert [lease.is_rescue for lease in store.leases.unsettled()] == [True]
    house.close()


async def test_an_override_that_is_added_to_the_catalogues_entries_goes_last(
    house, make_pod_spawner, join, manifest_of
) -> None:
    async def with_secret(spawner):
        entries = await spawner.profile_entries()
        return [{**e, "kubespawner_override": {"service_account": "lab"}} for e in entries]

    join(house, profile="image")
    pod = await manifest_of(make_pod_spawner(house, profile_list=with_secret))
    assert pod["spec"]["serviceAccountName"] == "lab"
    assert pod["spec"]["containers"][0]["image"] == "example.org/lab:1"


async def test_a_kubespawner_of_somebody_elses_is_wrapped_with_all_of_this() -> None:
    from kubespawner import KubeSpawner

    from jupyterhub_communities import with_communities

    wrapped = with_communities(KubeSpawner)
    assert issubclass(wrapped, KubeSpawner)
    assert wrapped.profile_entries


def test_choices_become_kubespawners_profile_options() -> None:
    option = profile_option(KIND.narrowed(Actor("a", ()), None, None), messages_for("es"))
    assert option["display_name"] == "&lt;Tipo&gt;"
    assert [name for name, choice in option["choices"].items() if choice["default"]] == ["base"]
    assert option["unlisted_choice"]["validation_regex"] == r"^(?:example\.org/.*)$"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"profile": "gone"}, "There is no such profile"),
        ({"profile": "choosy", "kind": "staff"}, "not offered here"),
        ({"profile": "choosy", "choice-kind": "gone"}, "not offered here"),
        ({"profile": "choosy", "kind--unlisted-choice": "evil.org/x"}, "not allowed here"),
        ({"kind--unlisted-choice": "evil.org/x", "profile": "choosy"}, "not allowed here"),
    ],
)
async def test_what_is_not_offered_is_refused_with_a_sentence(
    house, either, join, manifest_of, options, sentence
) -> None:
    join(house, language="en")
    with pytest.raises(SpawnRefused, match=sentence):
        await manifest_of(either, options)


@pytest.mark.parametrize("admits", [False, True])
async def test_a_database_that_goes_between_plan_and_admission_is_as_one_that_never_answered(
    tmp_path, make_pod_spawner, join, admits
) -> None:
    (tmp_path / "gone").mkdir()
    house = make_house(tmp_path / "gone", profiles=(IMAGE,), admit_when_unreachable=admits)
    join(house)
    spawner = make_pod_spawner(house)
    await spawner._prepare()
    answering, house.database = house.database, GoneDatabase()
    if admits:
        await spawner.load_user_options()
        assert spawner.mem_guarantee == 2 * GIB, "as it was planned"
    else:
        with pytest.raises(SpawnRefused) as refused:
            await spawner.load_user_options()
        assert refused.value.status_code == 503
    assert spawner.lease_id is None
    house.database = answering
    house.close()


class GoneDatabase:
    at_once = None

    def read(self):
        raise StorageUnreachable

    write = read


async def test_what_another_tab_asks_for_touches_no_start_that_is_under_way(
    tmp_path, make_pod_spawner
) -> None:
    """Both take their time where the operator's list is a function that asks somebody."""
    house = make_house(tmp_path, profiles=())
    may_go = asyncio.Event()

    async def listed(spawner):
        await may_go.wait()
        return [{"display_name": name, "slug": name} for name in ("one", "two")]

    spawner = make_pod_spawner(house, profile_list=listed)
    spawner.user_options = {"profile": "one"}
    plan = spawner._plan = StartPlan(HUB, None, None, None)
    asking = asyncio.ensure_future(spawner.request_for({"profile": "two"}))
    own = asyncio.ensure_future(spawner.request_for(None))
    await asyncio.sleep(0.01)
    assert spawner.user_options == {"profile": "one"}
    may_go.set()
    assert [(await one).profile for one in (asking, own)] == ["two", "one"]
    assert spawner._plan is plan
    house.close()
