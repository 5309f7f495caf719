"""`jupyterhub-communities demo`: a real hub with a small world in it, for trying out.

It runs the example `examples/local` over a data directory of its own, and keeps that directory
from one run to the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .app import build_database, key_path, open_house
from .application.communities import apply_declarations
from .application.house import House
from .config import CommunitiesFile, load_config
from .demo_world import World, make_world
from .storage.keyring import make_key_file

DEFAULT_DATA_DIR = Path("demo-data")
MARKER = "demo.json"  # what this directory's demo knows: keys and tokens, mode 0600
START_SECONDS = 90
STOP_SECONDS = 20

CONFIG = """\
# Written by `jupyterhub-communities demo`; the hub's own configuration is the example's.
load_subconfig({example!r})
c.JupyterHub.services = [*c.JupyterHub.services, {{"name": "demo", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    *c.JupyterHub.load_roles,
    {{"name": "demo", "scopes": ["admin:users", "tokens"], "services": ["demo"]}},
]
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.pid_file = {data!r} + "/proxy.pid"
c.JupyterHub.db_url = "sqlite:///" + {data!r} + "/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = {data!r} + "/cookie-secret"
"""

Facts = dict[str, Any]


class DemoError(Exception):
    """Something that the person can mend. `str()` says how; the exit code is 2."""


def run(*, port: int, data_dir: Path | None, reset: bool, json_output: bool) -> int:
    """Runs the demo until Ctrl-C. 0: ended; 1: the hub failed; 2: a mistake, with a sentence."""
    # Ctrl-C and a plain `kill` end it alike, also while it is still starting, and also where a
    # script has put it into the background: it would start with Ctrl-C ignored there.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        data = prepare_directory((data_dir or DEFAULT_DATA_DIR).resolve(), reset=reset)
        with only_one(data):
            check_port(port)
            proxy = find_proxy()
            return _run(data, port, proxy, json_output=json_output)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def _run(data: Path, port: int, proxy: str, *, json_output: bool) -> int:
    facts = read_facts(data)
    facts["data"] = str(data)
    config, house = prepare_house(data)
    try:
        house.call(apply_declarations, config.declarations(), config.hub_quota())
        world = make_world(house, facts, config.declarations())
    finally:
        house.close()
    write_facts(data, facts)
    say = sys.stderr if json_output else sys.stdout
    print("Starting the hub. This takes a few seconds …", file=say, flush=True)
    hub = start_hub(data, port, proxy, facts["admin_token"])
    try:
        if not wait_until_ready(hub, port):
            print(f"The hub did not start. Its log says why: {data / 'hub.log'}", file=sys.stderr)
            return 1
        answer = describe(port, facts, world)
        if json_output:
            print(json.dumps(answer, ensure_ascii=False), flush=True)
        else:
            print(welcome(answer, data), flush=True)
        if hub.wait() != 0:
            print(f"The hub has ended. Its log says why: {data / 'hub.log'}", file=sys.stderr)
            return 1
        return 0
    except KeyboardInterrupt:
        print("\nStopping …", file=sys.stderr, flush=True)
        return 0
    finally:
        stop_hub(hub)


def _interrupt(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


# Before anything starts


def prepare_directory(data: Path, *, reset: bool) -> Path:
    """The data directory, empty or a demo's. Raises `DemoError` for any other."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_demo = (data / MARKER).exists()
        if any(data.iterdir()) and not is_demo:
            raise DemoError(f"{data} holds something else. Name another one with --data-dir DIR")
        if reset and is_demo:
            with only_one(data):
                for path in data.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not (data / MARKER).exists():
            write_facts(data, {"admin_token": secrets.token_hex(32)})
    except OSError as error:
        raise DemoError(
            f"{data} cannot be written ({error.strerror}). Name another one with --data-dir DIR"
        ) from error
    return data


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Raises `DemoError` while another demo runs in the same directory."""
    descriptor = os.open(data, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise DemoError(
            f"A demo is running in {data} already. Stop it with Ctrl-C, or name another directory "
            "with --data-dir DIR"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise DemoError(
                f"Port {port} cannot be used, it is probably taken. Choose another one, for "
                "example: jupyterhub-communities demo --port 9000 "
                "(make demo ARGS='--port 9000')"
            ) from error


def find_proxy() -> str:
    """npm's configurable-http-proxy, of this environment or on PATH."""
    own = Path(sys.prefix) / "bin" / "configurable-http-proxy"
    found = str(own) if own.exists() else shutil.which("configurable-http-proxy")
    if found is None:
        raise DemoError(
            "configurable-http-proxy is missing. Run `make demo`, which installs it, or: "
            "npm install -g configurable-http-proxy"
        )
    return found


def find_example() -> Path:
    """`examples/local` of the checkout."""
    example = Path(__file__).resolve().parents[1] / "examples" / "local"
    if not example.is_dir():
        raise DemoError("The demo runs from a checkout of the project: clone it, then `make demo`")
    return example


def read_facts(data: Path) -> Facts:
    facts: Facts = json.loads((data / MARKER).read_text(encoding="utf-8"))
    return facts


def write_facts(data: Path, facts: Facts) -> None:
    """Written beside and moved over: a cut leaves the old one whole."""
    new = data / f"{MARKER}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
    new.replace(data / MARKER)


def prepare_house(data: Path) -> tuple[CommunitiesFile, House]:
    """File, key and database where they are missing, then the house over them."""
    path = data / "communities.yaml"
    if not path.exists():
        shutil.copy(find_example() / "communities.yaml", path)
    config = load_config(path)
    if not key_path(config, data).exists():
        make_key_file(key_path(config, data))
    database = build_database(config, data)
    database.upgrade()
    database.close()
    return config, open_house(path)


# The hub


def start_hub(data: Path, port: int, proxy: str, token: str) -> subprocess.Popen[bytes]:
    """Starts JupyterHub in a session of its own: Ctrl-C reaches it through us, once."""
    hub_port, proxy_port = free_ports(2)
    config = data / "jupyterhub_config.py"
    config.write_text(
        CONFIG.format(
            example=str(find_example() / "jupyterhub_config.py"),
            token=token,
            hub_port=hub_port,
            proxy_port=proxy_port,
            proxy=proxy,
            data=str(data),
        )
    )
    config.chmod(0o600)
    environment = {
        **os.environ,
        "COMMUNITIES_DATA": str(data),
        "COMMUNITIES_BIND_URL": f"http://127.0.0.1:{port}",
        # Single-user servers are found next to this Python.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    with (data / "hub.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=data,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def stop_hub(hub: subprocess.Popen[bytes]) -> None:
    """Asks the Hub to end, which ends its servers, service and proxy; then makes sure."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C changes nothing
    try:
        if hub.poll() is None:
            hub.terminate()
            try:
                hub.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        # Whatever is left of its session: the proxy and the service, if the Hub was killed.
        try:
            os.killpg(hub.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        hub.wait()
    finally:
        signal.signal(signal.SIGINT, previous)


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def wait_until_ready(hub: subprocess.Popen[bytes], port: int) -> bool:
    """True once hub and service answer; False if the hub ended or took too long."""
    wanted = ["/hub/api/", "/services/communities/health"]
    deadline = time.monotonic() + START_SECONDS
    while wanted and hub.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{wanted[0]}", timeout=5):
                wanted.pop(0)
        except OSError:
            time.sleep(0.2)
    return not wanted


# What the person is told


def describe(port: int, facts: Facts, world: World) -> Facts:
    """The JSON object of `--json`; makes the API tokens that are missing."""
    base = f"http://127.0.0.1:{port}"

    def account(username: str) -> Facts:
        return {
            "username": username,
            "return_key": facts["return_keys"][username],
            "api_token": api_token(base, facts, username),
        }

    return {
        "hub_url": f"{base}/hub/",
        "service_url": f"{base}/services/communities/",
        "api_url": f"{base}/services/communities/api/v1/",
        "operator": account("operator"),
        "champions": [
            {"community": community, **account(username)} for community, username in world.champions
        ],
        "invites": [
            {
                "community": invite.community,
                "workshop": invite.workshop,
                "role": invite.role,
                "language": invite.language,
                "code": invite.code,
            }
            for invite in world.invites
        ],
    }


def api_token(base: str, facts: Facts, username: str) -> str:
    """The person's Hub token, the one from last time while the Hub still knows it."""
    tokens = facts.setdefault("api_tokens", {})
    known = tokens.get(username)
    if known is None or call_hub(base, "GET", "/user", known) is None:
        admin = facts["admin_token"]
        call_hub(base, "POST", f"/users/{username}", admin)
        made = call_hub(base, "POST", f"/users/{username}/tokens", admin, {"note": "demo"})
        if made is None:
            raise DemoError("The hub of this directory is damaged. Begin anew with --reset")
        tokens[username] = made["token"]
        write_facts(Path(facts["data"]), facts)
    token: str = tokens[username]
    return token


def call_hub(
    base: str, method: str, path: str, token: str, body: Facts | None = None
) -> Facts | None:
    """The Hub's answer; None where it refuses."""
    request = urllib.request.Request(
        f"{base}/hub/api{path}",
        method=method,
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        data=json.dumps(body or {}).encode() if method == "POST" else None,
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            content: Facts = json.load(answer)
            return content
    except urllib.error.HTTPError:
        return None


def welcome(answer: Facts, data: Path) -> str:
    hub = answer["hub_url"]
    lines = [
        "",
        f"The hub is ready: {hub}login",
        "",
        "Join a workshop as a learner: open the link, or type the code at the address above.",
    ]
    for invite in answer["invites"]:
        lines.append(
            f"  {invite['code']}  {invite['role']:<10}  {invite['language']:<5}  "
            f"{hub}join?code={invite['code']}"
        )
    lines += ["", "Come back as somebody who runs things, with a return key:"]
    for person in (answer["operator"], *answer["champions"]):
        place = person.get("community", "the whole hub")
        lines.append(f"  {person['return_key']}  {person['username']} ({place})")
    lines += [
        "",
        f"Champions work at {answer['service_url']}",
        f"Data and log: {data}",
        "All servers share one operating system user: this is for trying out, not for real work.",
        "Stop with Ctrl-C.",
    ]
    return "\n".join(lines)
