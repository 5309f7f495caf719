"""A learner's own server that serves pages of its own: what a notebook can do, and no sign-in.

`/page` is a page for scripts to run in, and so is `/plain`. `/worker.js` is a service worker that wants the whole host.
Any other address plants what its arguments say: `name`, `value`, `path` and `domain` of a cookie.
"""

import contextlib
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

WORKER = b"""
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", async (event) => {
  const { path, options } = event.data;
  const answer = await fetch(path, options).catch((error) => ({ error: String(error) }));
  const text = answer.text ? await answer.text() : answer.error;
  event.ports[0].postMessage({ status: answer.status || 0, text });
});
"""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urlsplit(self.path)
        cookie = dict(parse_qsl(asked.query))
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Service-Worker-Allowed", "/")
        if not asked.path.endswith("/plain"):
            # As our own pages say it: on one host, the windows that it opens stay in its reach.
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        if asked.path.endswith("/worker.js"):
            self.send_header("Content-Type", "text/javascript")
        else:
            self.send_header("Content-Type", "text/html")
        if "name" in cookie:
            domain = f"; Domain={cookie['domain']}" if cookie.get("domain") else ""
            planted = f"{cookie['name']}={cookie['value']}; Path={cookie['path']}{domain}"
            self.send_header("Set-Cookie", planted)
        self.end_headers()
        self.wfile.write(WORKER if asked.path.endswith("/worker.js") else b"<title>hostile</title>")

    def log_message(self, *_):
        pass


url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
with contextlib.suppress(KeyboardInterrupt):
    ThreadingHTTPServer((url.hostname, url.port), Answer).serve_forever()
