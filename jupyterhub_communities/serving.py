"""The service's process: where the parts of its door meet."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth
from tornado.log import app_log

from .app import open_house
from .config import ConfigError, load_config
from .hub.client import HubClient
from .service.app import make_app, serve
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

_IDENTITY_SECONDS = 10  # how long the Hub's answer about a token is believed


def file_in_force(path: Path) -> Path:
    """The file itself; while there is a mistake in it, as the hub has read it."""
    try:
        load_config(path)
    except ConfigError as error:
        if not as_read(path).exists():
            raise
        app_log.error("%s\nThe service goes on with the file as the hub has read it.", error)
        return as_read(path)
    return path


def run_service(path: str | Path) -> None:
    """Serves until the end: started by the Hub, which says in the environment where and as whom."""
    path = file_in_force(Path(path).resolve())
    house = open_house(path)
    house.settings = replace(
        house.settings,
        are_servers_apart=bool(os.environ.get(APART_VARIABLE)),
        has_upstream=bool(os.environ.get(UPSTREAM_VARIABLE)),
    )
    found = use_languages(path)
    if digest(found) != os.environ.get(TOLD_VARIABLE):  # changed since the Hub started
        tell(found, app_log)
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
