"""A Spawner of Kubernetes without a cluster."""

from __future__ import annotations

import pytest
from cluster import KUBECONFIG
from houses import open_taller

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite


class PodUser:
    """As much of the Hub's user as a manifest needs."""

    name = "maria-abcde"
    id = 1
    server = None
    admin = False

    def __init__(self, name: str = name) -> None:
        self.name = self.escaped_name = name
        self.url = f"/user/{name}/"
        self.settings: dict = {}


@pytest.fixture
async def make_pod_spawner(tmp_path, monkeypatch):
    """Configured, and never connected: a manifest is made without a cluster."""
    from jupyterhub.objects import Hub, Server
    from jupyterhub.orm import Spawner as OrmSpawner
    from kubernetes_asyncio.config import kube_config

    from jupyterhub_communities import CommunityKubeSpawner

    (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(api="http://127.0.0.1:9"))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))

    def make(house, *, spawner_class=None, username=PodUser.name, **traits):
        spawner = (spawner_class or CommunityKubeSpawner)(
            _mock=True,
            user=PodUser(username),
            hub=Hub(port=8081),
            orm_spawner=OrmSpawner(name=""),
            house=house,
            **traits,
        )
        spawner.server = Server()
        spawner.api_token = "token"
        return spawner

    return make


@pytest.fixture
def join():
    """The user of the pods as a learner of a new workshop."""

    def join(house, *, username=PodUser.name, **workshop):
        opened = open_taller(house, **{"profile": None, **workshop})
        code = opened.learner_invite.code
        request = JoinRequest(code, username, "María", proposed_username=username)
        house.call(redeem_invite, request)
        return opened

    return join


@pytest.fixture
def manifest_of():
    """What Kubernetes would be asked for, as it travels: after admission, as a start does it."""
    from kubernetes_asyncio.client import ApiClient

    async def manifest_of(spawner, options: dict | None = None):
        spawner.user_options = options or {}
        await spawner._prepare()
        await spawner.load_user_options()
        async with ApiClient() as client:
            return client.sanitize_for_serialization(await spawner.get_pod_manifest())

    return manifest_of
