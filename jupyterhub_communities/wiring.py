"""`configure` for `jupyterhub_config.py`, and the start of the service: where the parts meet."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.services.auth import HubOAuth
from jupyterhub.spawner import LocalProcessSpawner
from traitlets.config import Config

from .app import no_database, open_house
from .config import ConfigError
from .domain.refusals import StorageUnreachable
from .hub.client import HubClient
from .hub.guessing import rules_of as guessing_rules
from .hub.upstream import load_class
from .hub.wrapping import with_communities
from .service.app import make_app, serve
from .storage.keyring import KeyFileError
from .storage.unfit import DatabaseUnfit

SERVICE_NAME = "communities"
_IDENTITY_SECONDS = 10  # how long the Hub's answer about a token is believed

# What the service asks of the Hub: groups, who runs a server, stopping or restarting it; at the end
# of access a person's tokens, and at an erasure the user.
SERVICE_SCOPES = [
    "admin:groups",
    "groups",
    "list:users",
    "read:users:groups",
    "read:users:name",
    "read:roles:users",
    "read:servers",
    "delete:servers",
    "servers",
    "tokens",
    "delete:users",
]
_USER_SCOPE = f"access:services!service={SERVICE_NAME}"


def configure(
    c: Config, path: str | Path = "communities.yaml", *, upstream: str | type | None = None
) -> None:
    """Puts communities on a hub. Call it last in `jupyterhub_config.py`.

    `upstream` is the Authenticator that people of the hub sign in with, as a class or the name of
    its entry point; by default the one that the configuration names, or none. Every trait stays
    open to be set by hand afterwards. Stops the hub with a sentence where the file, the key or the
    database cannot be used.
    """
    path = Path(path).resolve()
    try:
        house = open_house(path)
    except (ConfigError, KeyFileError, DatabaseUnfit) as error:
        raise SystemExit(str(error)) from error
    except StorageUnreachable as error:
        raise SystemExit(no_database(error)) from error
    _refuse_load_groups(c)
    _check_guessing(c)
    configured = c.JupyterHub.get("authenticator_class")
    spawner = c.JupyterHub.get("spawner_class")
    try:
        authenticator_class = load_class("jupyterhub.authenticators", upstream or configured)
        spawner_class = load_class("jupyterhub.spawners", spawner)
    except ImportError as error:
        raise SystemExit(str(error)) from error
    c.JupyterHub.authenticator_class = with_communities(authenticator_class or Authenticator)
    c.JupyterHub.spawner_class = with_communities(spawner_class or LocalProcessSpawner)
    c.CommunityAuthenticatorMixin.house = house
    c.CommunitySpawnerMixin.house = house
    _add_service(c, path)


def _refuse_load_groups(c: Config) -> None:
    if c.JupyterHub.get("load_groups"):
        raise SystemExit(
            "JupyterHub.load_groups cannot be used together with communities, which manage group "
            "membership at sign-in. Remove it: groups of your own stay as they are in the Hub's "
            "database, and can be changed with the Hub's admin page or REST API."
        )


def _check_guessing(c: Config) -> None:
    try:
        guessing_rules(c.CommunityAuthenticatorMixin)
    except ValueError as error:
        raise SystemExit(f"CommunityAuthenticatorMixin.guesses_…: {error}") from error


def _add_service(c: Config, path: Path) -> None:
    services: list[dict[str, Any]] = list(c.JupyterHub.get("services", []))
    services.append(
        {
            "name": SERVICE_NAME,
            "url": f"http://127.0.0.1:{_free_port()}",
            "command": [
                sys.executable,
                "-m",
                "jupyterhub_communities",
                "service",
                "--config",
                str(path),
            ],
            "environment": _service_environment(),
            "oauth_no_confirm": True,
            "display": False,  # the navigation has its own translated link
        }
    )
    c.JupyterHub.services = services
    roles: list[dict[str, Any]] = list(c.JupyterHub.get("load_roles", []))
    roles.append({"name": SERVICE_NAME, "scopes": SERVICE_SCOPES, "services": [SERVICE_NAME]})
    user_role = next((role for role in roles if role.get("name") == "user"), None)
    if user_role is not None:
        user_role["scopes"] = [*user_role.get("scopes", ["self"]), _USER_SCOPE]
    elif JupyterHub.class_traits().get("extra_user_scopes"):
        extra = set(c.JupyterHub.get("extra_user_scopes", set()))
        c.JupyterHub.extra_user_scopes = extra | {_USER_SCOPE}
    else:  # JupyterHub 5
        roles.append({"name": "user", "scopes": ["self", _USER_SCOPE]})
    c.JupyterHub.load_roles = roles


def _service_environment() -> dict[str, str]:
    """A managed service inherits little; it needs the key where that comes from the environment, and
    what PostgreSQL's library reads there: `PGPASSWORD`, `PGPASSFILE`, `PGSSLROOTCERT` and others."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == "COMMUNITIES_KEY" or name.startswith("PG")
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run_service(path: str | Path) -> None:
    """The service's process: started by the Hub, which says in the environment where and as whom."""
    house = open_house(path)
    hub_auth = HubOAuth.instance(
        cache_max_age=_IDENTITY_SECONDS,
        cookie_options={"expires_days": None},  # ends with the browser: the device may be shared
    )
    hub = HubClient(hub_auth.api_url, hub_auth.api_token)
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    application = make_app(
        house,
        hub,
        hub_auth,
        prefix=prefix,
        hub_prefix=hub_auth.hub_prefix,
        # From the key: sign-ins and open forms outlive a restart of the service.
        secret=house.keys.digest("service-cookies", SERVICE_NAME).encode(),
        public_hub_url=os.environ.get("JUPYTERHUB_PUBLIC_HUB_URL", ""),
    )
    asyncio.run(
        serve(application, house, hub, address=url.hostname or "127.0.0.1", port=url.port or 80)
    )
