"""`with_communities`: communities on top of a class that already exists."""

from __future__ import annotations

from jupyterhub.auth import Authenticator
from jupyterhub.spawner import Spawner

from .authenticator import CommunityAuthenticator, CommunityAuthenticatorMixin
from .docker import CommunityDockerSpawnerMixin
from .spawner import CommunitySpawnerMixin


def with_communities(wrapped: type) -> type:
    """The Authenticator or Spawner with what communities add. Its own traits stay as configured.

    A class that has communities already is returned as it is. Raises `TypeError` for anything else.
    """
    if issubclass(wrapped, (CommunityAuthenticatorMixin, CommunitySpawnerMixin)):
        return wrapped
    name = f"Community{wrapped.__name__}"
    if wrapped is Authenticator:
        return CommunityAuthenticator
    if issubclass(wrapped, Authenticator):
        return type(name, (CommunityAuthenticatorMixin, wrapped), {})
    if issubclass(wrapped, Spawner):
        return type(name, (_spawner_mixin(wrapped), wrapped), {})
    raise TypeError(f"{wrapped!r} is neither an Authenticator nor a Spawner")


def _spawner_mixin(wrapped: type) -> type[CommunitySpawnerMixin]:
    names = {base.__name__ for base in wrapped.__mro__}
    if "KubeSpawner" in names:
        from .kubernetes import CommunityKubeSpawnerMixin

        return CommunityKubeSpawnerMixin
    if "DockerSpawner" in names:
        return CommunityDockerSpawnerMixin
    return CommunitySpawnerMixin
