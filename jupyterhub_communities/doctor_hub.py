"""What `doctor` sees in `jupyterhub_config.py`, and at a hub that runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import chdir
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import jupyterhub
from jupyterhub.scopes import expand_scopes
from packaging.requirements import Requirement
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue, PyFileConfigLoader

from .application.ports import Settings
from .doctor import CLOCKS_APART, Finding, Level, clocks_apart, look_at_house
from .hub.authenticator import CommunityAuthenticatorMixin
from .hub.spawner import CommunitySpawnerMixin
from .hub.upstream import load_class
from .told import SERVICE_NAME
from .wiring import looking_only, scopes_of_service

_PATIENCE = 5.0  # seconds
_CONFIGURE = "Call configure(c, …) last in it."


def look_everywhere(path: Path, hub_config: Path, hub: str | None) -> list[Finding]:
    """At `communities.yaml` and what it names, `jupyterhub_config.py`, and the hub at this address or
    where the configuration says."""
    findings = [*look_at_house(path), *look_at_version(jupyterhub.__version__)]
    c, found = read_hub_config(hub_config)
    findings += found
    if c is not None:
        findings += look_at_config(c, hub_config)
        if house := c.CommunitySpawnerMixin.get("house"):
            house.close()
    are_apart = c is not None and bool(c.JupyterHub.get("subdomain_host"))
    address = f"{hub.rstrip('/')}/" if hub else hub_address(c)
    findings += look_at_hub(address, are_apart=are_apart)
    # `configure`, too, says what is wrong with file, key and database.
    return list({one.says: one for one in reversed(findings)}.values())[::-1]


def look_at_version(installed: str) -> Iterator[Finding]:
    """Of JupyterHub, by what this package asks for."""
    wanted = next(
        found.specifier
        for found in map(Requirement, requires("jupyterhub-communities") or ())
        if found.name == "jupyterhub" and found.marker is None
    )
    if not wanted.contains(installed, prereleases=True):
        yield Finding(
            "version",
            Level.MEND,
            f"JupyterHub {installed} is not one that this version works with ({wanted}).",
            f"Install another: pip install 'jupyterhub{wanted}'",
        )


def read_hub_config(path: Path) -> tuple[Config | None, list[Finding]]:
    """Runs `jupyterhub_config.py` as the Hub does, `configure` with it; nothing is written."""
    if not path.exists():
        says = f"There is no {path}: what it says could not be looked at."
        return None, [Finding("config", Level.UNSEEN, says, "Name it with --hub-config FILE")]
    loader = PyFileConfigLoader(path.name, path=str(path.parent))
    try:
        with chdir(path.parent), looking_only():
            return loader.load_config(), []
    except SystemExit as error:  # a sentence of `configure`
        return None, [Finding("config", Level.MEND, str(error))]
    except Exception as error:
        says = f"{path} cannot be read: {type(error).__name__}: {error}"
        return None, [Finding("config", Level.MEND, says)]


def look_at_config(c: Config, path: Path) -> Iterator[Finding]:
    hub = c.JupyterHub
    if hub.get("load_groups"):
        yield Finding(
            "load_groups",
            Level.MEND,
            f"{path} sets JupyterHub.load_groups after configure: the hub will not start with it.",
            "Remove it: groups are kept in the Hub's database.",
        )
    if not hub.get("subdomain_host"):
        yield Finding(
            "subdomain_host",
            Level.KNOW,
            "Servers share the service's host: a page in somebody's server can send what they could.",
            "Set c.JupyterHub.subdomain_host. Until then nobody can let a helper into their server.",
        )
    if not any(one.get("name") == SERVICE_NAME for one in _listed(hub, "services")):
        yield Finding("service", Level.MEND, f"{path} has no service {SERVICE_NAME}.", _CONFIGURE)
    else:
        roles = [role for role in _listed(hub, "load_roles") if _is_of_service(role)]
        said = {scope for role in roles for scope in role.get("scopes", [])}
        yield from _look_at_scopes(expand_scopes(said), are_apart=bool(hub.get("subdomain_host")))
    yield from _look_at_classes(c, path)


def _look_at_classes(c: Config, path: Path) -> Iterator[Finding]:
    for kind, group, mixin in (
        ("authenticator_class", "jupyterhub.authenticators", CommunityAuthenticatorMixin),
        ("spawner_class", "jupyterhub.spawners", CommunitySpawnerMixin),
    ):
        try:
            found = load_class(group, c.JupyterHub.get(kind))
        except ImportError as error:
            yield Finding(kind, Level.MEND, f"{path}: {error}")
            continue
        if found is None or not issubclass(found, mixin):
            name = "none" if found is None else found.__name__
            yield Finding(
                kind,
                Level.MEND,
                f"{path} sets JupyterHub.{kind} to {name}, which knows nothing of communities.",
                f"{_CONFIGURE} Or wrap it: with_communities({name})",
            )
        elif kind == "spawner_class":
            house = c.CommunitySpawnerMixin.get("house")
            settings = Settings() if house is None else house.settings
            for mistake in found.mistakes_in(c, settings):
                yield Finding("spawner", Level.MEND, mistake)
            for warning in found.warnings_in(c, settings):
                yield Finding("spawner", Level.KNOW, warning)


def _listed(section: Config, name: str) -> list[dict[str, Any]]:
    """Also one that was only added to, as in `c.JupyterHub.services.append(…)`."""
    found = section.get(name, [])
    return list(found.get_value([]) if isinstance(found, LazyConfigValue) else found)


def _is_of_service(role: Mapping[str, object]) -> bool:
    services = role.get("services")
    return isinstance(services, list) and SERVICE_NAME in services


def _look_at_scopes(held: set[str] | frozenset[str], *, are_apart: bool) -> Iterator[Finding]:
    missing = [scope for scope in scopes_of_service(are_apart=are_apart) if scope not in held]
    if missing:
        yield Finding(
            "scopes",
            Level.MEND,
            f"The service's role lacks {', '.join(missing)}.",
            f"Add them to the role of the service {SERVICE_NAME} in load_roles.",
        )


# A hub that runs


def hub_address(c: Config | None) -> str:
    """Where it listens, by its configuration."""
    if url := os.environ.get("JUPYTERHUB_API_URL"):
        return url.rstrip("/").removesuffix("/api") + "/"
    hub = Config() if c is None else c.JupyterHub
    bind = urlsplit(
        hub.get("bind_url") or f"http://:{hub.get('port', 8000)}{hub.get('base_url', '/')}"
    )
    host = bind.hostname if bind.hostname not in (None, "0.0.0.0", "*", "::") else "127.0.0.1"
    port = f":{bind.port}" if bind.port else ""
    return f"{bind.scheme}://{host}{port}{bind.path.rstrip('/')}/hub/"


def look_at_hub(address: str, *, are_apart: bool) -> Iterator[Finding]:
    """Its version and clock, whether the service answers; and with the service's token in the
    environment what that may do."""
    asked_at = datetime.now(UTC)
    try:
        version, clock = _ask(f"{address}api/")
    except (OSError, HTTPException, ValueError) as error:
        yield Finding(
            "hub",
            Level.UNSEEN,
            f"No hub answers at {address} ({_reason(error)}): its version, clock and service could "
            "not be looked at.",
            "Start it, or say where it is with --hub URL",
        )
        return
    yield from look_at_version(str(version.get("version", "of an unknown version")))
    if clock is not None:
        answered_at = datetime.now(UTC)
        # The header has whole seconds, and the answer took its time.
        if clock < asked_at - CLOCKS_APART or clock > answered_at + CLOCKS_APART:
            yield clocks_apart("the hub", clock - answered_at)
    if not are_apart:  # else it is on a host of its own
        yield from _look_at_service(f"{address.removesuffix('hub/')}services/{SERVICE_NAME}/health")
    if token := os.environ.get("JUPYTERHUB_API_TOKEN"):
        try:
            model, _ = _ask(f"{address}api/user", token)
        except (OSError, HTTPException, ValueError) as error:
            says = f"The Hub does not take the service's token ({_reason(error)})."
            yield Finding("scopes", Level.MEND, says, "Give it the one that the Hub knows.")
            return
        yield from _look_at_scopes(set(model.get("scopes", [])), are_apart=are_apart)


def _look_at_service(address: str) -> Iterator[Finding]:
    try:
        _ask(address)
    except (OSError, HTTPException, ValueError) as error:
        yield Finding(
            "service",
            Level.MEND,
            f"The service does not answer at {address} ({_reason(error)}).",
            "The Hub's log says why it does not run, or cannot reach its database.",
        )


def _ask(address: str, token: str = "") -> tuple[dict[str, Any], datetime | None]:
    """The JSON object that is answered, and when by the other's clock."""
    headers = {"Authorization": f"token {token}"} if token else {}
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError("not an address of the web")
    with urlopen(Request(address, headers=headers), timeout=_PATIENCE) as answer:
        said = json.loads(answer.read(1_000_000))
        date = answer.headers.get("Date")
    if not isinstance(said, dict):
        raise ValueError("it answers something else")
    return said, None if date is None else parsedate_to_datetime(date)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return str(error.code)
    return str(error.reason if isinstance(error, URLError) else error)
