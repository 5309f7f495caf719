"""The service's log says of a request what the Hub's says."""

from __future__ import annotations

import logging
import re

import pytest
from jupyterhub import log as of_the_hub
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler, StaticFileHandler

from jupyterhub_communities.service.log import log_request


class Answering(RequestHandler):
    """As the address says."""

    def get_current_user(self):
        who = self.get_query_argument("who", None)
        if who == "unknown":
            raise RuntimeError("nobody asked yet")
        return {"name": who} if who else None

    def get(self, status: str) -> None:
        self.set_status(int(status))
        if to := self.get_query_argument("to", None):
            self.set_header("Location", to)


@pytest.fixture
async def logged(tmp_path, caplog):
    """What the Hub and the service log of one request, without how long it took."""
    (tmp_path / "file").write_text("x")
    lines: dict[str, list[tuple[int, str]]] = {}

    def log_twice(handler) -> None:
        for whose, log in (("hub", of_the_hub.log_request), ("service", log_request)):
            caplog.clear()
            log(handler)
            lines[whose] = [
                (record.levelno, re.sub(r"[\d.]+ms$", "ms", record.getMessage()))
                for record in caplog.records
            ]

    routes = [("/files/(.*)", StaticFileHandler, {"path": str(tmp_path)}), (r"/(\d+)", Answering)]
    server = HTTPServer(Application(routes, log_function=log_twice), xheaders=True)
    socket, port = bind_unused_port()
    server.add_socket(socket)

    async def logged(address: str, **headers: str):
        caplog.set_level(logging.DEBUG, "tornado.access")
        await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{port}{address}",
            headers=headers,
            follow_redirects=False,
            raise_error=False,
        )
        return lines

    yield logged
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize(
    "address",
    [
        "/files/file",
        "/files/missing",
        "/200?who=ana",
        "/200?who=unknown",
        "/204?a=b&c&=&token",
        "/302?to=/hub/login?next=/x%26state%3Dsecret",
        "/304",
        "/403?_xsrf=secret&x=1&the_code=secret&next=?",
        "/404?q=%C3%B1&key=secret=secret",
        "/500?who=ana",
        "/503",
    ],
)
async def test_a_request_is_logged_as_the_hub_logs_it(logged, address) -> None:
    sent = {
        "Authorization": "token secret",
        "Cookie": "a=secret; b=secret",
        "X-Real-IP": "203.0.113.9",
    }
    lines = await logged(address, **sent)
    assert lines["service"] == lines["hub"]
    assert lines["service"]
    assert "=secret" not in str(lines["service"])
    assert "token secret" not in str(lines["service"])
