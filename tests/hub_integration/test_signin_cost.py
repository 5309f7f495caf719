"""What a sign-in costs in SQL: ours and the Hub's, beside JupyterHub's own DummyAuthenticator.

These numbers repeat exactly, so they are the gate; times are for `benchmarks/signin`. A number that
changes is a statement more or less in every sign-in of every hub: change the table if it is meant.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from hubs import RealHub, attempt_in, key_in, real_hub, xsrf_in

from tools import free_port, need_proxy

TESTS = Path(__file__).resolve().parents[1]

COUNTING = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import sql_counter
sql_counter.install(c)
c.JupyterHub.redirect_to_server = False
"""

DUMMY = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
"""


# What we do ourselves. `read` and `write` are transactions. Of a returning person's statements three
# are the home page's: their notices, and what is limited at the place that they would start in.
OURS = {
    "new": """
        INSERT accounts 1
        INSERT audit 1
        INSERT grants 1
        INSERT redemptions 1
        SELECT accounts 3
        SELECT invites 3
        SELECT redemptions 4
        SELECT sessions 1
        UPDATE accounts 1
        UPDATE invites 1
        read 3
        write 1
    """,
    "returning": """
        SELECT accounts 2
        SELECT balances 1
        SELECT notices 1
        read 2
    """,
}

# What the Hub does for us and not for Dummy; below 0: what `hub.lookups` spares it.
MORE_OF_THE_HUBS = {
    "new": """
        INSERT user_group_map 1
        SELECT groups 1
        SELECT roles -2
        SELECT spawners -1
        SELECT user_group_map -1
        SELECT user_role_map -1
        UPDATE users -2
        write -3
    """,
    "returning": """
        SELECT shares -2
        SELECT user_group_map -2
        SELECT user_role_map -2
    """,
}


class DummyHub(RealHub):
    """A hub without this package."""

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()[-4000:]
        try:
            return requests.get(f"{self.url}/hub/health", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture(scope="module")
def dummy_hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dummy")
    ports = {"port": free_port(), "hub_port": free_port(), "proxy_port": free_port()}
    config = DUMMY.format(**ports, proxy=need_proxy()) + COUNTING
    (folder / "jupyterhub_config.py").write_text(config)
    hub = DummyHub(folder, ports["port"], house=None)
    try:
        hub.start()
        yield hub
    finally:
        hub.stop()


@pytest.fixture(scope="module")
def counted_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("counted"), more=COUNTING) as hub:
        yield hub


@dataclass
class Cost:
    """What one sign-in did; `write` and `read` are transactions, the others statements."""

    notes: list[dict[str, str]]

    def of(self, whose: str) -> Counter[str]:
        return Counter(note["what"] for note in self.notes if note["whose"] == whose)

    def told(self, whose: str, kinds: set[str]) -> str:
        """The statements of these kinds, in order, with the request that made them."""
        return "\n".join(
            f"  {note['request']:<20} {note['what']:<24} {note['statement']}"
            for note in self.notes
            if note["whose"] == whose and note["what"] in kinds
        )


def counted(hub: RealHub, sign_in) -> Cost:
    device = hub.browser()
    device.session.headers["X-Counted"] = "yes"
    requests.get(f"{hub.url}/hub/counted", timeout=30)
    sign_in(device)
    return Cost(requests.get(f"{hub.url}/hub/counted", timeout=30).json())


def table(text: str) -> Counter[str]:
    """Lines of a statement or transaction and how often."""
    lines = (line.rsplit(None, 1) for line in text.strip().splitlines())
    return Counter({what.strip(): int(count) for what, count in lines})


def differ(found: Counter[str], expected: Counter[str]) -> dict[str, str]:
    return {
        what: f"{found[what]} instead of {expected[what]}"
        for what in sorted({*found, *expected})
        if found[what] != expected[what]
    }


def by_password(device, username: str) -> None:
    form = device.get("/hub/login")
    page = device.post("/hub/login", {"_xsrf": xsrf_in(form), "username": username})
    assert page.url.endswith("/hub/home")


def by_code(device, code: str, name: str) -> str:
    form = device.open_join(code)
    fields = {"attempt": attempt_in(form), "action": "join", "name": name}
    page = device.post("/hub/join", fields)
    assert page.url.endswith("/hub/welcome")
    return key_in(page)


def by_key(device, key: str) -> None:
    form = device.get("/hub/login")
    page = device.post("/hub/login", {"attempt": attempt_in(form), "return_key": key})
    assert page.url.endswith("/hub/home")


@pytest.fixture(scope="module")
def costs(dummy_hub, counted_hub) -> dict[str, dict[str, Cost]]:
    """Sign-ins on warm hubs: somebody else was the first of the workshop, and came back."""
    found: dict[str, dict[str, Cost]] = {"dummy": {}, "ours": {}}
    for name in ("eva", "ida"):
        for kind in ("new", "returning"):
            found["dummy"][kind] = counted(dummy_hub, lambda d, name=name: by_password(d, name))
    code = counted_hub.workshop("Costos").learner_invite.code
    for name in ("Eva", "Ida"):
        keys = []
        found["ours"]["new"] = counted(
            counted_hub, lambda d, name=name, keys=keys: keys.append(by_code(d, code, name))
        )
        for _ in range(2):  # the first use of a key confirms it as kept
            found["ours"]["returning"] = counted(
                counted_hub, lambda d, keys=keys: by_key(d, keys[0])
            )
    return found


@pytest.mark.parametrize("kind", ["new", "returning"])
def test_our_own_statements_are_those_of_the_table(costs, kind) -> None:
    cost, expected = costs["ours"][kind], table(OURS[kind])
    changed = differ(cost.of("ours"), expected)
    assert not changed, f"{changed}\n{cost.told('ours', set(changed))}"


@pytest.mark.parametrize("kind", ["new", "returning"])
def test_what_we_make_the_hub_do_more_than_dummy_is_that_of_the_table(costs, kind) -> None:
    cost, dummy = costs["ours"][kind], costs["dummy"][kind]
    more = cost.of("hub")
    more.subtract(dummy.of("hub"))
    changed = differ(more, table(MORE_OF_THE_HUBS[kind]))
    assert not changed, (
        f"{changed}\n{cost.told('hub', set(changed))}\nDummy's:\n{dummy.told('hub', set(changed))}"
    )


def test_a_returning_person_writes_nothing_of_ours(costs) -> None:
    assert "write" not in costs["ours"]["returning"].of("ours")
