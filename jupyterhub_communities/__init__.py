"""One JupyterHub, many communities. What is named here is public; everything else is private.

The names load on first use, so that a hub without Kubernetes needs no KubeSpawner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import parent as parent

if TYPE_CHECKING:
    from .hub.authenticator import CommunityAuthenticator
    from .hub.kubernetes import CommunityKubeSpawner
    from .hub.spawner import CommunityLocalProcessSpawner, CommunitySpawnerMixin
    from .hub.wrapping import with_communities
    from .wiring import configure

__all__ = [
    "CommunityAuthenticator",
    "CommunityKubeSpawner",
    "CommunityLocalProcessSpawner",
    "CommunitySpawnerMixin",
    "configure",
    "with_communities",
]

_MODULES = {
    "CommunityAuthenticator": "hub.authenticator",
    "CommunityKubeSpawner": "hub.kubernetes",
    "CommunityLocalProcessSpawner": "hub.spawner",
    "CommunitySpawnerMixin": "hub.spawner",
    "configure": "wiring",
    "with_communities": "hub.wrapping",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
