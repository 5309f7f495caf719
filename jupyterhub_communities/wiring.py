"""`configure` for `jupyterhub_config.py`: where the parts of the Hub's door meet."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.spawner import LocalProcessSpawner
from traitlets.config import Config
from traitlets.log import get_logger

from .app import no_database, open_house
from .config import ConfigError
from .domain.refusals import StorageUnreachable
from .hub.guessing import rules_of as guessing_rules
from .hub.upstream import has_upstream, load_class
from .hub.wrapping import with_communities
from .storage.keyring import KeyFileError
from .storage.unfit import DatabaseUnfit
from .told import (
    APART_VARIABLE,
    SERVICE_NAME,
    TOLD_VARIABLE,
    UPSTREAM_VARIABLE,
    as_read,
    digest,
    tell,
    use_languages,
)

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
# Only where servers are apart: it lets the service's token into servers, too.
_SHARING_SCOPE = "shares"
_is_looked_at: ContextVar[bool] = ContextVar("is_looked_at", default=False)
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
        if not _is_looked_at.get():
            keep_as_read(path)
    except (ConfigError, KeyFileError, DatabaseUnfit) as error:
        raise SystemExit(str(error)) from error
    except StorageUnreachable as error:
        raise SystemExit(no_database(error)) from error
    _refuse_load_groups(c)
    _check_guessing(c)
    found = use_languages(path)
    tell(found, get_logger())
    configured = c.JupyterHub.get("authenticator_class")
    spawner = c.JupyterHub.get("spawner_class")
    try:
        authenticator_class = load_class("jupyterhub.authenticators", upstream or configured)
        spawner_class = load_class("jupyterhub.spawners", spawner)
    except ImportError as error:
        raise SystemExit(str(error)) from error
    c.JupyterHub.authenticator_class = with_communities(authenticator_class or Authenticator)
    c.JupyterHub.spawner_class = with_communities(spawner_class or LocalProcessSpawner)
    if mistakes := c.JupyterHub.spawner_class.mistakes_in(c, house.settings):
        raise SystemExit("\n".join(mistakes))
    for warning in c.JupyterHub.spawner_class.warnings_in(c, house.settings):
        get_logger().warning(warning)
    c.CommunityAuthenticatorMixin.house = house
    c.CommunitySpawnerMixin.house = house
    _add_service(c, path, told=digest(found))


@contextmanager
def looking_only() -> Iterator[None]:
    """`configure` writes nothing: nobody starts a hub with what it finds."""
    token = _is_looked_at.set(True)
    try:
        yield
    finally:
        _is_looked_at.reset(token)


def scopes_of_service(*, are_apart: bool) -> list[str]:
    return [*SERVICE_SCOPES, *([_SHARING_SCOPE] if are_apart else [])]


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


def _add_service(c: Config, path: Path, *, told: str) -> None:
    are_apart = bool(c.JupyterHub.get("subdomain_host"))
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
            "environment": {
                **_service_environment(),
                TOLD_VARIABLE: told,
                **({APART_VARIABLE: "yes"} if are_apart else {}),
                **({UPSTREAM_VARIABLE: "yes"} if has_upstream(c) else {}),
            },
            "oauth_no_confirm": True,
            "display": False,  # the navigation has its own translated link
        }
    )
    c.JupyterHub.services = services
    roles: list[dict[str, Any]] = list(c.JupyterHub.get("load_roles", []))
    scopes = scopes_of_service(are_apart=are_apart)
    roles.append({"name": SERVICE_NAME, "scopes": scopes, "services": [SERVICE_NAME]})
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


def keep_as_read(path: Path) -> None:
    """For a service that has to start again while the file is being written."""
    copy = as_read(path)
    try:
        copy.touch(mode=0o600)  # it may name a database with its password
        copy.write_bytes(path.read_bytes())
    except OSError as error:
        get_logger().info("There is no copy of %s: %s", path, error)
