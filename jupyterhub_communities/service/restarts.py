"""Servers that the staff of a workshop restart or stop: asked of the Hub."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log

from ..application.ports import Hub
from ..domain.leases import ServerKey

_STOPS_WITHIN = 60.0  # seconds; a server that takes longer is not started again
_LOOK_EVERY = 1.0


class Restarts:
    """A restart goes on when its request has been answered: stopping may take its time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._under_way: dict[ServerKey, asyncio.Task[None]] = {}

    async def stop(self, servers: Iterable[ServerKey]) -> None:
        """Also those that are being restarted, which then do not start. Raises what the client of the
        Hub raises."""
        for server in servers:
            if restart := self._under_way.get(server):
                restart.cancel()
                await asyncio.wait([restart])
            await self._hub.stop_server(server)

    def restart(self, servers: Iterable[ServerKey]) -> None:
        """Once for each server, however often it is asked for meanwhile."""
        for server in servers:
            if server not in self._under_way:
                self._under_way[server] = asyncio.create_task(self._restart(server))

    async def finished(self) -> None:
        """Waits for those that are under way."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _restart(self, server: ServerKey) -> None:
        try:
            await asyncio.wait_for(self._stop_wholly(server), _STOPS_WITHIN)
            await self._hub.start_server(server)
        except (FetchError, OSError, TimeoutError) as error:
            # The board shows what became of it, and why a start was refused: the Hub has noted that.
            app_log.info("A server was not restarted: %r", error)
        except Exception:
            app_log.exception("A server was not restarted")
        finally:
            del self._under_way[server]

    async def _stop_wholly(self, server: ServerKey) -> None:
        if server in await self._hub.servers_of(server.username):  # else it never came up
            await self._hub.stop_server(server)
        while server in await self._hub.servers_of(server.username):
            await asyncio.sleep(_LOOK_EVERY)
