"""Small tornado applications that answer while a test waits: each in a thread with its own loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application

from tools import free_port


@contextmanager
def serving(routes: list[Any]) -> Iterator[str]:
    """The address under which the routes answer, until the end of the block.

    State that handlers share with the test is read
    and set as whole values, so that no lock is needed.
    """
    port = free_port()
    ready = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    end = asyncio.Event()

    async def serve() -> None:
        server = HTTPServer(Application(routes))
        server.listen(port, "127.0.0.1")
        loops.append(asyncio.get_running_loop())
        ready.set()
        await end.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the stub did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loops[0].call_soon_threadsafe(end.set)
        thread.join(10)
        assert not thread.is_alive(), "the stub did not stop"
