"""A hub whose servers are Docker containers. README.md says what to run first."""

import os
from pathlib import Path

from jupyterhub_communities import configure

c = get_config()  # noqa: F821 (JupyterHub provides it)
here = Path(__file__).resolve().parent
data = Path(os.environ.get("COMMUNITIES_DATA", here)).resolve()

c.JupyterHub.spawner_class = "docker"
c.JupyterHub.hub_ip = (
    "0.0.0.0"  # containers reach it over the network below, and nobody else should
)
c.DockerSpawner.network_name = "communities"
c.DockerSpawner.use_internal_ip = True

c.DockerSpawner.image = "communities-lab"  # for profiles that name none
c.DockerSpawner.remove = True  # each start is a container of the profile that was chosen
c.DockerSpawner.volumes = {"home-{username}": "/home/jovyan"}  # what people keep

# JupyterLab's language: this folder is in the image (see Dockerfile).
c.CommunitySpawnerMixin.lab_settings_dir = "/opt/communities-lab"

c.Authenticator.admin_users = {"operator"}

configure(c, data / "communities.yaml")
