"""What a pod's manifest says of the profile and the language."""

from __future__ import annotations

import json

import pytest
from houses import SMALL, make_house, open_taller

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.profiles import Option, OtherImage, Profile, ProfileChoice
from jupyterhub_communities.hub.refused import SpawnRefused
from jupyterhub_communities.i18n.messages import messages_for

pytest.importorskip("kubespawner", reason="install PyPI's package jupyterhub-kubespawner")

from jupyterhub_communities.hub.kubernetes import profile_option

IMAGE = Profile(
    slug="image",
    names={"en": "Image", "es": "Imagen"},
    milli_cpu=1500,
    memory=2 * 1024**3,
    images={"en": "example.org/lab:1"},
    environment={"COLOUR": {"en": "blue"}},
    default_urls={"es": "/lab/tree/lección {1}.ipynb"},
)


class User:
    """As much of the Hub's user as a manifest needs."""

    name = escaped_name = "maria-abcde"
    id = 1
    url = "/user/maria-abcde/"
    server = None
    admin = False
    settings: dict = {}


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, profiles=(SMALL, IMAGE))
    yield house
    house.close()


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: none, user: {}}]
"""


@pytest.fixture
async def spawner(house, tmp_path, monkeypatch):
    """Configured, and never connected: a manifest is made without a cluster."""
    from jupyterhub.objects import Hub, Server
    from jupyterhub.orm import Spawner as OrmSpawner
    from kubernetes_asyncio.config import kube_config

    from jupyterhub_communities import CommunityKubeSpawner

    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    spawner = CommunityKubeSpawner(
        _mock=True, user=User(), hub=Hub(), orm_spawner=OrmSpawner(name=""), house=house
    )
    spawner.server = Server()
    spawner.api_token = "token"
    return spawner


async def manifest_for(house, spawner, profile: str):
    opened = open_taller(house, profile=profile)
    request = JoinRequest(opened.learner_invite.code, "a", "María", proposed_username="maria-abcde")
    house.call(redeem_invite, request)
    plan = house.call(admit, StartRequest("lease", ServerKey("maria-abcde")))
    spawner._apply_plan(plan)
    return await spawner.get_pod_manifest()


async def test_a_profile_sets_limits_requests_image_and_environment(house, spawner) -> None:
    manifest = await manifest_for(house, spawner, "image")
    (container,) = manifest.spec.containers
    assert container.image == "example.org/lab:1"
    assert container.resources.limits == {"cpu": 1.5, "memory": 2 * 1024**3}
    assert container.resources.requests == {"cpu": 1.5, "memory": 2 * 1024**3}
    environment = {variable.name: variable.value for variable in container.env}
    assert environment["COLOUR"] == "blue"
    assert environment["LANGUAGE"] == "es_ES"
    assert spawner.format_string(spawner.default_url) == "/lab/tree/lección {1}.ipynb"


@pytest.mark.parametrize(
    "mounts",
    [[{"name": "data", "mountPath": "/data"}], {"data": {"name": "data", "mountPath": "/data"}}],
)
async def test_jupyterlabs_settings_for_the_language_come_with_the_pod(
    house, spawner, mounts
) -> None:
    spawner.volume_mounts = mounts
    spawner.environment = {"JUPYTER_CONFIG_PATH": "/opt/theirs"}
    from kubernetes_asyncio.client import ApiClient

    async with ApiClient() as client:
        pod = client.sanitize_for_serialization(await manifest_for(house, spawner, "image"))
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


async def test_the_catalogue_is_a_profile_list_in_the_readers_language(house, spawner) -> None:
    from jupyterhub_communities.pages.language import use_language

    await manifest_for(house, spawner, "image")
    with use_language("es"):
        entries = await spawner.profile_entries()
    assert [(e["slug"], e["display_name"], e["default"]) for e in entries] == [
        ("small", "Pequeño", False),
        ("image", "Imagen", True),
    ]
    assert entries[1]["kubespawner_override"]["cpu_guarantee"] == 1.5


async def test_our_form_is_drawn_and_read(house, spawner) -> None:
    opened = open_taller(house)
    request = JoinRequest(opened.learner_invite.code, "a", "María", proposed_username="maria-abcde")
    house.call(redeem_invite, request)
    assert 'name="start_on"' in await spawner.get_options_form()
    options = spawner.run_options_from_form({"start_on": ["andes//image"], "image": ["evil"]})
    assert options == {"community": "andes", "profile": "image"}


async def test_kubespawner_applies_a_profile_list_of_the_same_catalogue(house, spawner) -> None:
    await manifest_for(house, spawner, "small")
    spawner.profile_list = lambda spawner: spawner.profile_entries()
    spawner.user_options = {"profile": "image"}
    await spawner.load_user_options()
    assert spawner.image == "example.org/lab:1"
    assert spawner.cpu_guarantee == 1.5


async def test_a_profile_list_of_the_operators_keeps_its_own_form(spawner, tmp_path) -> None:
    (tmp_path / "bare").mkdir()
    house = make_house(tmp_path / "bare", profiles=())
    spawner.house = house
    spawner.profile_list = [
        {"slug": "gpu", "display_name": "GPU", "kubespawner_override": {"image": "gpu:1"}},
        {"slug": "none", "display_name": "None"},
    ]
    form = await spawner.get_options_form()
    assert "GPU" in form
    assert "start_on" not in form
    spawner.user_options = spawner.run_options_from_form({"profile": ["gpu"]})
    spawner._apply_plan(await spawner._admit())
    await spawner.load_user_options()
    assert spawner.image == "gpu:1"
    house.close()


async def test_a_kubespawner_of_somebody_elses_is_wrapped_with_all_of_this() -> None:
    from kubespawner import KubeSpawner

    from jupyterhub_communities import with_communities

    wrapped = with_communities(KubeSpawner)
    assert issubclass(wrapped, KubeSpawner)
    assert wrapped.profile_entries


async def test_choices_become_kubespawners_profile_options(tmp_path, spawner, house) -> None:
    choice = ProfileChoice(
        slug="kind",
        names={"en": "Kind", "es": "<Tipo>"},
        options=(
            Option(slug="base", names={"en": "Base"}),
            Option(slug="big", names={"en": "Big"}, memory=4 * 1024**3, images={"en": "big:1"}),
            Option(slug="staff", names={"en": "Staff"}, roles=frozenset({Role.INSTRUCTOR})),
        ),
        other_image=OtherImage(allowed=r"example\.org/.*"),
    )
    option = profile_option(choice.narrowed(Actor("a", ()), None, None), messages_for("es"))
    assert option["display_name"] == "&lt;Tipo&gt;"
    assert list(option["choices"]) == ["base", "big"]
    assert option["choices"]["big"]["kubespawner_override"] == {
        "mem_limit": 4 * 1024**3,
        "mem_guarantee": 4 * 1024**3,
        "image": "big:1",
    }
    entry = {"slug": "p", "display_name": "P", "profile_options": {"kind": option}}
    spawner.profile_list = [entry]
    spawner.user_options = {"profile": "p", "kind": "big"}
    await spawner.load_user_options()
    assert (spawner.image, spawner.mem_limit) == ("big:1", 4 * 1024**3)
    spawner.user_options = {"profile": "p", "kind--unlisted-choice": "example.org/mine:2"}
    await spawner.load_user_options()
    assert spawner.image == "example.org/mine:2"


@pytest.mark.parametrize(
    "options", [{"profile": "gone"}, {"profile": "p", "kind--unlisted-choice": "evil.org/x"}]
)
async def test_what_the_list_does_not_offer_is_refused_with_a_sentence(spawner, options) -> None:
    choice = ProfileChoice("kind", {"en": "Kind"}, (), OtherImage(allowed=r"example\.org/.*"))
    option = profile_option(choice, messages_for("en"))
    spawner.profile_list = [{"slug": "p", "display_name": "P", "profile_options": {"kind": option}}]
    spawner.user_options = options
    with pytest.raises(SpawnRefused, match="not offered"):
        await spawner.load_user_options()
