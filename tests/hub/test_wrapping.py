"""Communities on top of classes that exist, and what `configure` does to a configuration."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from jupyterhub.auth import Authenticator, DummyAuthenticator
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets.config import Config

import jupyterhub_communities
from jupyterhub_communities.cli import main
from jupyterhub_communities.hub.authenticator import (
    CommunityAuthenticator,
    CommunityAuthenticatorMixin,
)
from jupyterhub_communities.hub.spawner import CommunitySpawnerMixin
from jupyterhub_communities.hub.upstream import has_upstream
from jupyterhub_communities.hub.wrapping import with_communities


@pytest.fixture
def ready(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    return tmp_path


def test_every_public_name_can_be_imported() -> None:
    for name in jupyterhub_communities.__all__:
        if name != "CommunityKubeSpawner":
            assert getattr(jupyterhub_communities, name)
    with pytest.raises(AttributeError):
        _ = jupyterhub_communities.nothing


def test_the_entry_points_load() -> None:
    (authenticator,) = entry_points(group="jupyterhub.authenticators", name="communities")
    (spawner,) = entry_points(group="jupyterhub.spawners", name="communities")
    assert authenticator.load() is CommunityAuthenticator
    assert issubclass(spawner.load(), CommunitySpawnerMixin)


def test_a_wrapped_class_keeps_its_own_traits() -> None:
    wrapped = with_communities(DummyAuthenticator)
    assert issubclass(wrapped, (CommunityAuthenticatorMixin, DummyAuthenticator))
    assert wrapped.upstream is DummyAuthenticator
    assert wrapped(config=Config(DummyAuthenticator={"password": "x"})).password == "x"
    assert with_communities(wrapped) is wrapped
    assert with_communities(Authenticator) is CommunityAuthenticator
    assert issubclass(with_communities(LocalProcessSpawner), CommunitySpawnerMixin)
    with pytest.raises(TypeError):
        with_communities(dict)


def test_configure_wraps_what_the_configuration_names(ready) -> None:
    c = Config()
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.spawner_class = "simple"
    c.JupyterHub.services = [{"name": "mine"}]
    jupyterhub_communities.configure(c)
    assert issubclass(c.JupyterHub.authenticator_class, DummyAuthenticator)
    assert issubclass(c.JupyterHub.spawner_class, SimpleLocalProcessSpawner)
    assert [service["name"] for service in c.JupyterHub.services] == ["mine", "communities"]
    c.CommunityAuthenticatorMixin.house.close()


def test_configure_adds_to_a_user_role_that_is_there(ready) -> None:
    c = Config()
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "list:groups"]}]
    jupyterhub_communities.configure(c)
    user = next(role for role in c.JupyterHub.load_roles if role["name"] == "user")
    assert user["scopes"] == ["self", "list:groups", "access:services!service=communities"]
    c.CommunityAuthenticatorMixin.house.close()


@pytest.mark.parametrize("host", ["", "https://hub.example.org"])
def test_servers_are_shared_only_where_each_has_a_host_of_its_own(ready, host) -> None:
    c = Config()
    c.JupyterHub.subdomain_host = host
    jupyterhub_communities.configure(c)
    (service,) = c.JupyterHub.services
    role = next(role for role in c.JupyterHub.load_roles if role["name"] == "communities")
    assert ("COMMUNITIES_SERVERS_APART" in service["environment"]) is bool(host)
    assert ("shares" in role["scopes"]) is bool(host)
    c.CommunityAuthenticatorMixin.house.close()


def test_configure_finds_load_groups_and_says_what_to_do(ready) -> None:
    c = Config()
    c.JupyterHub.load_groups = {"staff": {"users": ["ana"]}}
    with pytest.raises(SystemExit, match="Remove it"):
        jupyterhub_communities.configure(c)


def damage_database(folder) -> None:
    for path in folder.glob("communities.sqlite*"):
        path.write_bytes(b"this is no database" * 1000)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "communities.yaml").unlink(), "jupyterhub-communities init"),
        (lambda folder: (folder / "communities.yaml").write_text("x: 1"), ":1: x: unknown key"),
        (lambda folder: (folder / "communities.key").unlink(), "There is no key"),
        (lambda folder: (folder / "communities.sqlite").unlink(), "upgrade-db"),
        (damage_database, "does not answer"),
    ],
)
def test_a_hub_that_cannot_start_says_why_in_a_sentence(ready, spoil, sentence) -> None:
    spoil(ready)
    with pytest.raises(SystemExit, match=sentence):
        jupyterhub_communities.configure(Config())


def test_an_upstream_that_does_not_exist_is_named(ready) -> None:
    with pytest.raises(SystemExit, match="nowhere"):
        jupyterhub_communities.configure(Config(), upstream="nowhere")


FILE = """\
communities: [{slug: andes, name: Andes}]
profiles:
"""
GPU = """\
  - slug: gpu
    name: GPU
    kubespawner_override: {node_selectr: {pool: gpu}}
    choices:
      - slug: size
        name: Size
        options: [{slug: big, name: Big, kubespawner_override: {whatever: 1, cpu_limit: 4}}]
"""


@pytest.mark.parametrize(
    ("profiles", "listed", "mistakes"),
    [
        ("  []\n", [{"display_name": "One", "communities": ["andes"]}], []),
        ("  []\n", {"one": {"display_name": "One", "communities": ["andez"]}},
         ["c.KubeSpawner.profile_list[0].communities[0]: there is no andez", "did you mean andes?"]),
        ("  []\n", lambda spawner: [], []),
        (GPU, lambda spawner: spawner.profile_entries(),
         ["profile gpu: kubespawner_override: KubeSpawner has no setting node_selectr; did you mean "
          "node_selector?", "KubeSpawner has no setting whatever"]),
        ("  - {slug: small, name: Small}", [{"display_name": "One"}], ["Keep one"]),
    ],
)  # fmt: skip
def test_what_kubespawner_cannot_do_stops_the_hub_with_a_sentence(
    ready, profiles, listed, mistakes
) -> None:
    kubespawner = pytest.importorskip("kubespawner")
    (ready / "communities.yaml").write_text(FILE + profiles)
    c = Config()
    c.JupyterHub.spawner_class = kubespawner.KubeSpawner
    c.KubeSpawner.profile_list = listed
    if mistakes:
        with pytest.raises(SystemExit) as stopped:
            jupyterhub_communities.configure(c)
        assert all(mistake in str(stopped.value) for mistake in mistakes)
    else:
        jupyterhub_communities.configure(c)
        c.CommunitySpawnerMixin.house.close()


@pytest.mark.parametrize(
    ("named", "listed", "mistake"),
    [
        ("one", [{"display_name": "One"}], ""),
        ("R_4.4", {"r": {"display_name": "R", "slug": "R_4.4"}}, ""),
        ("tiny", lambda spawner: [], ""),  # looked for at each start
        ("tiny", [{"display_name": "One"}],
         "hub.rescue_profile: there is no tiny in c.KubeSpawner.profile_list; there is: one"),
        ("twoo", [{"display_name": "One"}, {"display_name": "Two"}], "did you mean two?"),
        ("tiny", None, "hub.rescue_profile: there is no tiny in this file; there is: nothing"),
    ],
)  # fmt: skip
def test_the_rescue_profile_may_be_an_entry_of_kubespawners_list(
    ready, named, listed, mistake
) -> None:
    kubespawner = pytest.importorskip("kubespawner")
    file = FILE.removesuffix("profiles:\n") + f"hub: {{rescue_profile: {named}}}\n"
    (ready / "communities.yaml").write_text(file)
    c = Config()
    c.JupyterHub.spawner_class = kubespawner.KubeSpawner
    if listed is not None:
        c.KubeSpawner.profile_list = listed
    if mistake:
        with pytest.raises(SystemExit) as stopped:
            jupyterhub_communities.configure(c)
        assert mistake in str(stopped.value)
    else:
        jupyterhub_communities.configure(c)
        c.CommunitySpawnerMixin.house.close()


def launcher() -> type:
    """As the classes of ltiauthenticator, which people reach from a course only."""
    return type("LTI13Authenticator", (DummyAuthenticator,), {"__module__": "ltiauthenticator"})


@pytest.mark.parametrize(
    ("wrapped", "more", "has"),
    [
        (Authenticator, {}, False),
        (Authenticator, {"CommunityAuthenticator": {"upstream_class": "dummy"}}, True),
        (Authenticator, {"CommunityAuthenticator": {"upstream_class": "nothing"}}, False),
        (DummyAuthenticator, {}, True),
        (launcher(), {}, False),
        (launcher(), {"CommunityAuthenticatorMixin": {"upstream_is_launched": False}}, True),
        (
            DummyAuthenticator,
            {"CommunityAuthenticatorMixin": {"upstream_is_launched": True}},
            False,
        ),
    ],
)
def test_an_account_can_be_linked_where_people_can_go_to_another_way_in(wrapped, more, has) -> None:
    c = Config({"JupyterHub": {"authenticator_class": with_communities(wrapped)}, **more})
    assert has_upstream(c) is has
