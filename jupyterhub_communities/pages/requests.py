"""Which request something belongs to: one id in the audit trail, the proxy's log and the answer."""

from __future__ import annotations

import re
from uuid import uuid4

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform

from ..application.house import request_id

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")  # as proxies make them; the audit has room for no more


def id_of(request: HTTPServerRequest) -> str:
    """The proxy's id of the request, where it gave a sane one, else a new one."""
    given = request.headers.get(HEADER, "")
    return given if _SANE.fullmatch(given) else uuid4().hex


class RequestIdTransform(OutputTransform):
    """Made anew for each request, before its handler runs, in the Hub and in the service alike."""

    def __init__(self, request: HTTPServerRequest):
        super().__init__(request)
        self._id = id_of(request)
        request_id.set(self._id)

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        headers[HEADER] = self._id
        return status_code, headers, chunk
