"""The service's application: addresses, settings, and its life."""

from __future__ import annotations

import asyncio
import signal
from functools import cache, partial
from typing import Any

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler
from tornado.httpserver import HTTPServer
from tornado.log import enable_pretty_logging
from tornado.web import Application, GZipContentEncoding

from ..application.house import House
from ..application.metering import ended_steps
from ..application.ports import Hub
from ..i18n.messages import read_formats, use_zone
from ..pages.language import language_transform
from ..pages.requests import RequestIdTransform
from ..pages.templates import Site, asset_handlers, make_environment
from . import (
    api,
    audit,
    batches,
    board,
    board_api,
    codes,
    cohort_api,
    cohorts,
    community_settings,
    ends,
    feedback,
    keys,
    mine,
    numbers,
    openapi,
    operating,
    pages,
    people,
    quotas,
    rehearsals,
    template_pages,
    training,
    transparency,
    workshop_api,
    workshop_pages,
)
from .endings import Endings
from .erasures import Erasures
from .handling import ROOT, ApiHandler
from .live import LiveBoards
from .log import log_request
from .operations import routes_of
from .restarts import Restarts
from .sharing import Sharing
from .stops import Stops
from .timers import (
    METER_ENDED_EVERY,
    keep_chained,
    keep_metered,
    keep_passing_seats_on,
    keep_reconciled,
    keep_tidy,
    leave_with_the_hub,
)

MOST_BYTES = 5_000_000  # of a request's body: a list of 10,000 names, and more of each person
API_HANDLERS: tuple[type[ApiHandler], ...] = (
    openapi.DocumentApi,
    *ends.API_HANDLERS,
    *mine.API_HANDLERS,
    *quotas.API_HANDLERS,
    *audit.API_HANDLERS,
    *workshop_api.API_HANDLERS,
    *board_api.API_HANDLERS,
    *rehearsals.API_HANDLERS,
    *people.API_HANDLERS,
    *community_settings.API_HANDLERS,
    *operating.API_HANDLERS,
    *training.API_HANDLERS,
    *feedback.API_HANDLERS,
    *numbers.API_HANDLERS,
    *transparency.API_HANDLERS,
    *cohort_api.API_HANDLERS,
    *api.HANDLERS,
)

_SLUG = r"([a-z0-9-]+)"


def make_app(
    house: House,
    hub: Hub,
    hub_auth: HubOAuth,
    *,
    prefix: str,
    hub_prefix: str,
    secret: bytes | str,
    public_hub_url: str = "",
) -> Application:
    """`prefix` is the service's (`/services/communities/`), `hub_prefix` the Hub's (`/hub/`), and
    `public_hub_url` the Hub's whole address, where it is known better than a request knows it."""
    use_zone(house.settings.zone)
    read_formats()
    needs = {"house": house, "hub": hub, "hub_auth": hub_auth}
    # The Hub may have another host than the service: with `subdomain_host`.
    hub_url = (
        f"{public_hub_url.rstrip('/')}/" if public_hub_url else f"{hub_auth.hub_host}{hub_prefix}"
    )
    site = Site(hub_url=hub_url, service_url=prefix, asset_url=f"{prefix}static/")
    page_routes: list[tuple[str, type[Any]]] = [
        ("", pages.HomePage),
        (f"communities/{_SLUG}", pages.CommunityPage),
        (f"communities/{_SLUG}/workshops", pages.WorkshopsPage),
        (f"communities/{_SLUG}/workshops/new", workshop_pages.NewWorkshopPage),
        (f"communities/{_SLUG}/workshops/{_SLUG}", pages.WorkshopPage),
        (f"communities/{_SLUG}/codes", codes.CodesPage),
        (f"communities/{_SLUG}/codes/([0-9a-f]+)", codes.InvitePage),
        (f"communities/{_SLUG}/batches/([0-9a-f]+)", batches.BatchPage),
        (f"communities/{_SLUG}/batches/([0-9a-f]+)/csv", batches.BatchTable),
        (f"communities/{_SLUG}/workshops/{_SLUG}/codes", codes.CodesPage),
        (f"communities/{_SLUG}/workshops/{_SLUG}/waiting", codes.WaitingPart),
        (f"communities/{_SLUG}/workshops/{_SLUG}/close", pages.CloseWorkshopPage),
        (f"communities/{_SLUG}/workshops/{_SLUG}/code", pages.CodePage),
        (f"communities/{_SLUG}/workshops/{_SLUG}/reserve", pages.ReservePage),
        (f"communities/{_SLUG}/keys", keys.KeysPage),
        (f"communities/{_SLUG}/workshops/{_SLUG}/keys", keys.KeysPage),
        (f"communities/{_SLUG}/workshops/{_SLUG}/people/([^/]+)/retire", keys.RetirePage),
        ("notices", keys.NoticesPage),
        *mine.PAGE_ROUTES,
        *quotas.PAGE_ROUTES,
        *audit.PAGE_ROUTES,
        *workshop_pages.PAGE_ROUTES,
        *board.PAGE_ROUTES,
        *rehearsals.PAGE_ROUTES,
        *people.PAGE_ROUTES,
        *community_settings.PAGE_ROUTES,
        *operating.PAGE_ROUTES,
        *training.PAGE_ROUTES,
        *feedback.PAGE_ROUTES,
        *numbers.PAGE_ROUTES,
        *transparency.PAGE_ROUTES,
        *cohorts.PAGE_ROUTES,
        *template_pages.PAGE_ROUTES,
    ]
    routes: list[Any] = [
        (prefix + "oauth_callback", HubOAuthCallbackHandler),
        (prefix + "health", pages.HealthHandler),
        *asset_handlers(f"{prefix}static/"),
        *((prefix + ROOT + path, handler, needs) for path, handler in routes_of(API_HANDLERS)),
        (f"{prefix}{ROOT}.*", api.NotFoundApi, needs),
        *((prefix + path, handler, needs) for path, handler in page_routes),
        (".*", pages.NotFoundPage, needs),
    ]
    return Application(
        routes,
        transforms=[
            language_transform(house.settings.language),
            RequestIdTransform,
            GZipContentEncoding,
        ],
        cookie_secret=secret,
        log_function=log_request,
        environment=make_environment(site),
        prefix=prefix,
        hub_prefix=hub_prefix,
        public_hub_url=public_hub_url,
        hub_url=hub_url,
        openapi=cache(partial(openapi.document, API_HANDLERS, prefix=prefix, hub_auth=hub_auth)),
        house=house,
        endings=Endings(house, hub),
        erasures=Erasures(house, hub),
        boards=LiveBoards(house, hub),
        drawn_boards={},
        restarts=Restarts(hub),
        sharing=Sharing(house, hub),
    )


async def serve(
    application: Application, house: House, hub: Hub, *, address: str, port: int
) -> None:
    """Serves until SIGTERM or SIGINT, or until the Hub that started this is gone."""
    enable_pretty_logging()
    server = HTTPServer(application, max_body_size=MOST_BYTES, xheaders=True)
    server.listen(port, address)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [
        asyncio.create_task(keep_reconciled(house, hub)),
        asyncio.create_task(keep_metered(house)),
        asyncio.create_task(keep_metered(house, every=METER_ENDED_EVERY, steps=ended_steps)),
        asyncio.create_task(Stops(house, hub).keep_carried_out()),
        asyncio.create_task(keep_passing_seats_on(house)),
        asyncio.create_task(keep_chained(house)),
        asyncio.create_task(keep_tidy(house)),
        asyncio.create_task(application.settings["endings"].keep_carried_out()),
        asyncio.create_task(application.settings["erasures"].keep_carried_out()),
        asyncio.create_task(application.settings["sharing"].keep_carried_out()),
        asyncio.create_task(leave_with_the_hub(stop.set)),
    ]
    await stop.wait()
    for task in tasks:
        task.cancel()
    server.stop()
    house.close()
