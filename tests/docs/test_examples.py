"""Each example loads, and asks for what its README says."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyterhub.orm import Spawner as OrmSpawner
from traitlets.config.loader import PyFileConfigLoader

from jupyterhub_communities.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """The configuration of an example, in a folder that was prepared as its README says."""
    houses = []

    def load(name: str):
        shutil.copytree(EXAMPLES / name, tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.delenv("COMMUNITIES_DATA", raising=False)
        for command in ("init", "check", "apply"):
            assert main([command]) == 0
        c = PyFileConfigLoader("jupyterhub_config.py", path=str(tmp_path / name)).load_config()
        houses.append(c.CommunitySpawnerMixin.house)
        return c

    yield load
    for house in houses:
        house.close()


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_every_example_loads(load, name) -> None:
    c = load(name)
    catalogue = c.CommunitySpawnerMixin.house.settings.catalogue
    assert catalogue.profiles
    assert (EXAMPLES / name / "README.md").exists()


def test_the_containers_are_made_anew_and_keep_what_is_in_a_volume(load) -> None:
    from dockerspawner import DockerSpawner

    c = load("docker")
    assert issubclass(c.JupyterHub.spawner_class, DockerSpawner)
    user = SimpleNamespace(name="maria", escaped_name="maria", id=1, url="/", settings={})
    spawner = c.JupyterHub.spawner_class(config=c, user=user, orm_spawner=OrmSpawner(name=""))
    assert spawner.remove
    assert spawner.image == "communities-lab"
    assert spawner.volume_binds == {"home-maria": {"bind": "/home/jovyan", "mode": "rw"}}
    assert spawner.lab_settings_dir == "/opt/communities-lab"
