"""An operator's own `profile_list` on a real hub: pods are asked for from kmock's Kubernetes."""

from __future__ import annotations

import pytest
from cluster import KUBECONFIG
from hubs import real_hub, text_of

from jupyterhub_communities.domain.leases import Lease, ServerKey
from tools import free_port, wait_until

pytest.importorskip("kubespawner", reason="install PyPI's package jupyterhub-kubespawner")
pytest.importorskip("kmock", reason="install PyPI's package kmock")

from kubernetes_api import emulated_kubernetes

COMMUNITIES = """\
communities:
  - slug: andes
    name: {es: Comunidad Andes, en: Andes Community}
    language: es
    champions: [ana]
    quota: {memory: 3Gi}
"""

# As it stood before there were communities, with what the operator added since.
CONFIG = """\
from kubespawner import KubeSpawner
c.JupyterHub.spawner_class = KubeSpawner
c.KubeSpawner.namespace = "default"
c.KubeSpawner.events_enabled = False
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_capacity = "1Mi"
c.Spawner.consecutive_failure_limit = 2
c.KubeSpawner.port = {port}
c.KubeSpawner.hub_connect_url = c.JupyterHub.hub_connect_url = f"http://127.0.0.1:{{c.JupyterHub.hub_port}}"
c.KubeSpawner.profile_list = [
    {{
        "display_name": "Lessons",
        "description": "Enough for lessons.",
        "translations": {{
            "es": {{"display_name": "Lecciones", "description": "Alcanza para las lecciones."}}
        }},
        "kubespawner_override": {{"mem_limit": "512M"}},
        "profile_options": {{
            "tools": {{
                "display_name": "Tools",
                "translations": {{"es": {{"display_name": "Programas"}}}},
                "choices": {{
                    "python": {{
                        "display_name": "Python", "kubespawner_override": {{"image": "python:1"}}
                    }},
                    "r": {{"display_name": "R", "kubespawner_override": {{"image": "r:1"}}}},
                    "staff": {{
                        "display_name": "Staff",
                        "roles": ["instructor"],
                        "kubespawner_override": {{"image": "staff:1"}},
                    }},
                }},
            }}
        }},
    }},
    {{"display_name": "Large", "kubespawner_override": {{"mem_guarantee": "4G"}}}},
    {{
        "display_name": "Graphics processor",
        "translations": {{"es": {{"display_name": "Procesador gráfico"}}}},
        "roles": ["instructor"],
        "kubespawner_override": {{"extra_resource_limits": {{"nvidia.com/gpu": "1"}}}},
    }},
]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    with emulated_kubernetes() as (api, cluster):
        (folder / "kubeconfig").write_text(KUBECONFIG.format(api=api))
        more = CONFIG.format(port=free_port())
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
            with real_hub(folder, more=more, communities=COMMUNITIES) as hub:
                yield hub, cluster


@pytest.fixture
def learner(world, request):
    hub, cluster = world
    opened = hub.workshop(f"Taller {request.node.name[-24:]}", profile=None)
    device = hub.browser()
    device.join(opened.learner_invite.code, "Illari")
    yield device
    if hub.user(device.username())["servers"]:
        hub.api("DELETE", f"/users/{device.username()}/server")
        wait_until(lambda: not hub.user(device.username())["servers"])
    cluster.asked_for.clear()


def image_of(world, device) -> str:
    """Of the pod that runs, once the Hub calls it ready."""
    hub, cluster = world
    wait_until(lambda: [s for s in hub.user(device.username())["servers"].values() if s["ready"]])
    (pod,) = cluster.asked_for
    return pod["spec"]["containers"][0]["image"]


def lease_of(world, device) -> Lease | None:
    hub, _ = world
    with hub.house.database.read() as store:
        return store.leases.of_server(ServerKey(device.username()))


def test_the_form_shows_what_is_theirs_and_starts_it(world, learner) -> None:
    form = learner.get("/hub/spawn")
    above, _, below = text_of(form).partition("Lecciones")
    assert "Disponible ahora para Taller" in above
    assert ": 3 GiB de memoria." in above
    assert "Disponible ahora" not in below
    assert "Alcanza para las lecciones." in below
    assert "Programas" in text_of(form)
    for hidden in ("Procesador", "Graphics", "Staff"):
        assert hidden not in form.text
    token = learner.session.cookies.get("_xsrf")
    chosen = {"profile": "lessons", "profile-option-lessons--tools": "r"}
    learner.post(f"/hub/spawn?_xsrf={token}", chosen)
    assert image_of(world, learner) == "r:1"
    assert lease_of(world, learner).profile == "lessons"


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"opt-profile": "graphics-processor"}, "Este perfil no está disponible para ti."),
        ({"opt-profile": "lessons", "opt-choice-tools": "staff"}, "Esta opción no se ofrece aquí."),
        ({"opt-profile-option-lessons--tools": "staff", "opt-profile": "lessons"}, "no se ofrece"),
        ({"opt-profile": "gone"}, "Este perfil no existe."),
    ],
)
def test_a_link_to_what_is_not_theirs_is_refused_with_a_sentence(
    world, learner, link, sentence
) -> None:
    page = learner.get("/hub/spawn", params=link)
    assert page.status_code in (400, 403)
    assert sentence in text_of(page)
    assert world[1].asked_for == []


def test_a_shared_link_starts_what_it_names(world, learner) -> None:
    learner.get("/hub/spawn", params={"opt-profile": "lessons", "opt-choice-tools": "r"})
    assert image_of(world, learner) == "r:1"


def test_rest_goes_through_the_same_gates(world, learner) -> None:
    hub, cluster = world
    path = f"/users/{learner.username()}/server"
    for options, sentence in (
        ({"profile": "graphics-processor"}, "Este perfil no está disponible para ti."),
        ({"tools": "staff"}, "Esta opción no se ofrece aquí."),
    ):
        refused = hub.api("POST", path, json=options)
        assert refused.status_code == 403, options
        assert sentence in refused.json()["message"]
    assert cluster.asked_for == []
    odd = {"profile": "lessons", "tools": "r", "image": "evil:1", "x": {"y": [1]}}
    assert hub.api("POST", path, json=odd).status_code in (201, 202)
    assert image_of(world, learner) == "r:1"


def test_a_server_holds_what_its_pod_sets_aside_until_it_has_stopped(world, learner) -> None:
    hub, cluster = world
    path = f"/users/{learner.username()}/server"
    assert hub.api("POST", path, json={"profile": "lessons"}).status_code in (201, 202)
    image_of(world, learner)
    assert dict(lease_of(world, learner).amounts) == {"servers": 1, "memory": 512 * 2**20}
    hub.api("DELETE", path)
    wait_until(lambda: lease_of(world, learner) is None)
    assert cluster.names("pods") == []


def test_starts_that_do_not_fit_make_nothing_and_are_no_failures_of_the_hub(world, learner) -> None:
    hub, cluster = world
    volumes = cluster.names("persistentvolumeclaims")
    for _ in range(3):  # one more than failures that would stop it
        refused = hub.api("POST", f"/users/{learner.username()}/server", json={"profile": "large"})
        assert refused.status_code == 429
        assert "4 GiB" in refused.json()["message"]
        assert "Lecciones" in refused.json()["message"], "what would start now"
    assert cluster.asked_for == []
    assert cluster.names("persistentvolumeclaims") == volumes
    assert lease_of(world, learner) is None
    assert hub.api("GET", "/").ok


def test_a_start_that_kubernetes_fails_holds_nothing_afterwards(world, learner) -> None:
    hub, cluster = world
    cluster.fails = True
    try:
        hub.api("POST", f"/users/{learner.username()}/server", json={"profile": "lessons"})
        assert "etcd has no leader" in hub.log(), "it came as far as that"
        wait_until(lambda: lease_of(world, learner) is None)
    finally:
        cluster.fails = False
    assert hub.api("GET", "/").ok
