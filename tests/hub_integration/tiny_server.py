"""A single-user server that starts at once: enough for the Hub to call it running."""

import contextlib
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
with contextlib.suppress(KeyboardInterrupt):
    ThreadingHTTPServer((url.hostname, url.port), Answer).serve_forever()
