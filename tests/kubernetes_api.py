"""As much of Kubernetes' API as KubeSpawner's starts use. A pod's command runs as a local process.

There is no scheduler and no kubelet: a pod that is asked for runs at once, on 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tools import end_process

NAMESPACE = "default"
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: fake
contexts: [{{name: fake, context: {{cluster: fake, user: fake}}}}]
clusters: [{{name: fake, cluster: {{server: "{api}"}}}}]
users: [{{name: fake, user: {{}}}}]
"""


class FakeKubernetes:
    """The pods that were asked for, and their processes."""

    def __init__(self) -> None:
        self.asked_for: list[dict] = []
        self._pods: dict[str, dict] = {}
        self._processes: dict[str, subprocess.Popen] = {}
        self._events: list[dict] = []
        self._news = threading.Condition()
        self.is_closed = False

    def create(self, pod: dict) -> dict:
        self.asked_for.append(pod)
        name = pod["metadata"]["name"]
        (container,) = pod["spec"]["containers"]
        self._processes[name] = subprocess.Popen(
            container["args"],
            env={**os.environ, **{v["name"]: v.get("value", "") for v in container["env"]}},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        pod["metadata"] |= {"namespace": NAMESPACE, "uid": f"uid-{len(self.asked_for)}"}
        status = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "restartCount": 0,
            "ready": True,
            "state": {"running": {}},
        }
        pod["status"] = {"phase": "Running", "podIP": "127.0.0.1", "containerStatuses": [status]}
        self._pods[name] = pod
        self._tell("ADDED", pod)
        return pod

    def delete(self, name: str) -> dict | None:
        pod = self._pods.pop(name, None)
        if pod is not None:
            end_process(self._processes.pop(name))
            self._tell("DELETED", pod)
        return pod

    def pods(self) -> dict:
        with self._news:
            version = str(len(self._events))
        return {
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": version},
            "items": list(self._pods.values()),
        }

    def events_after(self, seen: int) -> list[dict]:
        """Waits for some; none when it is time to look whether anybody still listens."""
        with self._news:
            self._news.wait_for(lambda: self.is_closed or len(self._events) > seen, timeout=1)
            return self._events[seen:]

    def close(self) -> None:
        with self._news:
            self.is_closed = True
            self._news.notify_all()
        for name in list(self._pods):
            self.delete(name)

    def _tell(self, kind: str, pod: dict) -> None:
        with self._news:
            pod["metadata"]["resourceVersion"] = str(len(self._events) + 1)
            self._events.append({"type": kind, "object": json.loads(json.dumps(pod))})
            self._news.notify_all()


@contextmanager
def fake_kubernetes() -> Iterator[tuple[str, FakeKubernetes]]:
    cluster = FakeKubernetes()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if query.get("watch"):
                self.watch(int(query["resourceVersion"][0]))
            elif (name := self.pod_name()) is None:
                self.answer(200, cluster.pods())
            else:
                self.answer_pod(cluster._pods.get(name))

        def do_POST(self) -> None:
            self.answer(201, cluster.create(json.loads(self.body())))

        def do_DELETE(self) -> None:
            self.body()
            self.answer_pod(cluster.delete(self.pod_name() or ""))

        def watch(self, seen: int) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while not cluster.is_closed:
                    for event in cluster.events_after(seen):
                        seen += 1
                        line = json.dumps(event).encode() + b"\n"
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                        self.wfile.flush()
            except OSError:
                pass  # the hub has gone
            self.close_connection = True

        def pod_name(self) -> str | None:
            return urlsplit(self.path).path.partition("/pods/")[2] or None

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def answer_pod(self, pod: dict | None) -> None:
            missing = {"kind": "Status", "status": "Failure", "code": 404, "message": "no such pod"}
            self.answer(404, missing) if pod is None else self.answer(200, pod)

        def answer(self, status: int, said: dict) -> None:
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", cluster
    finally:
        cluster.close()
        server.shutdown()
        server.server_close()
        thread.join()
