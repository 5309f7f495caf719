"""Guessing, on a real hub: a class with typing errors, floods of wrong codes, and what answers tell."""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from hubs import attempt_in, key_in, real_hub, text_of

from jupyterhub_communities.application.issuing import revoke_invite
from jupyterhub_communities.domain.codes import INVITE_CODE, RETURN_KEY, grouped

pytestmark = pytest.mark.alone

FLOOD = Path(__file__).parent / "flood.py"
FLOOD_WORKERS = 60
# Seconds until each browser of a flood has failed once: so long they look like learners.
WARM_UP = {"many": 15, "one": 3, "none": 1, "fresh": 10}
LEARNERS = 6

# Eight times slower than a real hub, so that the flood needs little of the processor.
SLOW = """
c.CommunityAuthenticatorMixin.guesses_per_second = 5.0
c.CommunityAuthenticatorMixin.guesses_burst = 5
"""
# The negative control: whoever comes first is served first, whatever failed before.
FIRST_COME = """
from jupyterhub_communities.hub import guessing

class FirstCome(guessing.Line):
    def enter(self, browser, failures, now):
        return super().enter(browser, 0, now)
guessing.Line = FirstCome
"""


@pytest.fixture(scope="module")
def slow_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("slow"), more=SLOW) as hub:
        yield hub


@pytest.fixture(scope="module")
def first_come_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("first-come"), more=SLOW + FIRST_COME) as hub:
        yield hub


@contextmanager
def flood(hub, mode: str, workers: int = FLOOD_WORKERS):
    """Wrong codes from this very address, by a process of their own; says at the end what it got."""
    command = [sys.executable, str(FLOOD), hub.url, mode, str(workers)]
    seen: dict[str, int] = {}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(WARM_UP[mode])
            yield seen
            seen.update(json.loads(process.communicate(timeout=60)[0]))
        finally:
            process.kill()


def wrong_code() -> str:
    return INVITE_CODE.draw(secrets.choice)


def press(device, form: dict, *, path: str = "/hub/join"):
    """One press of the button: the answer, and the seconds that it took."""
    start = time.monotonic()
    page = device.post(path, form, allow_redirects=False)
    return page, time.monotonic() - start


def type_code(hub, code: str):
    device = hub.browser()
    login = device.get("/hub/login")
    return press(device, {"attempt": attempt_in(login), "action": "look", "code": code})


@pytest.mark.parametrize("mode", ["many", "one", "none"])
def test_a_flood_from_the_same_address_stops_no_learner(slow_hub, mode) -> None:
    code = slow_hub.workshop(f"Inundación {mode}").learner_invite.code
    with flood(slow_hub, mode) as seen:
        answers = [type_code(slow_hub, code) for _ in range(LEARNERS)]
    took = [seconds for _, seconds in answers]
    print(f"\nflood, {mode}: {seen}; learners waited {[round(s, 1) for s in took]} s")
    assert [page.status_code for page, _ in answers] == [303] * LEARNERS
    assert statistics.median(took) < 1.5
    assert max(took) < 5
    assert sum(seen.values()) > 50, "it was a flood"
    if mode == "none":
        assert set(seen) == {"400"}, "without a form of its own, nothing is looked up"


def test_without_the_order_the_same_flood_does_stop_them(first_come_hub) -> None:
    """The negative control of the test above."""
    code = first_come_hub.workshop("Sin orden").learner_invite.code
    with flood(first_come_hub, "many"):
        answers = [type_code(first_come_hub, code) for _ in range(LEARNERS)]
    took = [seconds for _, seconds in answers]
    print(f"\nin order of coming: {[(p.status_code, round(s, 1)) for p, s in answers]}")
    assert any(page.status_code == 429 for page, _ in answers) or statistics.median(took) > 4


def test_a_flood_of_new_browsers_lets_in_who_presses_again(slow_hub) -> None:
    """Browsers that never failed cannot be told from learners: who asks again keeps the place."""
    code = slow_hub.workshop("Navegadores nuevos").learner_invite.code

    def learn(_) -> tuple[int, float]:
        device = slow_hub.browser()
        form = {"attempt": attempt_in(device.get("/hub/login")), "action": "look", "code": code}
        start = time.monotonic()
        for presses in range(1, 20):
            page, _ = press(device, form)
            if page.status_code == 303:
                return presses, time.monotonic() - start
            assert page.status_code == 429
            assert int(page.headers["Retry-After"]) == 5
            assert f'value="{code}"' in page.text, "what was typed is kept"
            form["attempt"] = attempt_in(page)
            time.sleep(2)
        return 99, time.monotonic() - start

    with flood(slow_hub, "fresh", 150) as seen, ThreadPoolExecutor(LEARNERS) as pool:
        outcomes = list(pool.map(learn, range(LEARNERS)))
    print(f"\nflood, fresh: {seen}; presses and seconds {[(p, round(s, 1)) for p, s in outcomes]}")
    assert max(presses for presses, _ in outcomes) <= 5
    assert max(seconds for _, seconds in outcomes) < 30


def test_a_flood_stops_nobody_who_comes_back_with_a_key_or_by_link(slow_hub) -> None:
    opened = slow_hub.workshop("Vuelta")
    key = slow_hub.browser().join(opened.learner_invite.link, "Vuelve")
    with flood(slow_hub, "many"):
        device = slow_hub.browser()
        login = device.get("/hub/login")
        page, seconds = press(
            device, {"attempt": attempt_in(login), "return_key": key}, path="/hub/login"
        )
        assert page.status_code == 303
        assert seconds < 5
        start = time.monotonic()
        assert slow_hub.browser().open_join(opened.learner_invite.link).status_code == 200
        assert time.monotonic() - start < 3, "a link waits for nobody"
        start = time.monotonic()
        page, _ = type_code(slow_hub, "0000-0000-0001")
        assert page.status_code == 400
        assert time.monotonic() - start < 3, "a mistyped code costs nothing"


def test_300_learners_behind_one_address_with_60_errors_all_get_in(hub) -> None:
    opened = hub.workshop("Trescientas", seats=300)
    code = opened.learner_invite.code

    def learn(number: int) -> tuple[float, float | None]:
        device = hub.browser()
        form = {"attempt": attempt_in(device.get("/hub/login")), "action": "look"}
        late = None
        if number % 5 == 0:
            # Another code of the right shape: the kind of error that does reach a table.
            page, late = press(device, {**form, "code": wrong_code()})
            assert page.status_code == 403, text_of(page)
        page, seconds = press(device, {**form, "code": code})
        assert page.status_code == 303, text_of(page)
        page = device.get("/hub/join")
        form = {"attempt": attempt_in(page), "action": "join", "name": f"Aprendiz {number}"}
        assert key_in(device.post("/hub/join", form))
        return seconds, late

    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        took = list(pool.map(learn, range(300)))
    right = [seconds for seconds, _ in took]
    wrong = [seconds for _, seconds in took if seconds is not None]
    print(
        f"\n300 in {time.monotonic() - start:.0f} s; looked up in {statistics.median(right):.2f} s, "
        f"at most {max(right):.2f}; errors answered in {statistics.median(wrong):.2f} s"
    )
    assert len(wrong) == 60
    assert statistics.median(wrong) < statistics.median(right) + 0.2, "errors were not delayed"
    assert max(right) < 5


# What answers tell


def test_an_unknown_a_revoked_and_a_closed_code_look_alike_and_take_alike(hub) -> None:
    opened = hub.workshop("Revocado en secreto")
    hub.house.call(revoke_invite, hub.champion(), "andes", opened.learner_invite.invite.id)
    revoked = opened.learner_invite.code

    def ask(code: str):
        # A browser and an address of their own: no failure before this one counts.
        device = hub.browser(address=f"127.0.1.{secrets.randbelow(250) + 1}")
        form = {"attempt": attempt_in(device.get("/hub/login")), "action": "look", "code": code}
        return press(device, form)

    took: dict[str, list[float]] = {"unknown": [], "revoked": []}
    pages = {}
    for _ in range(40):
        for name, code in (("unknown", wrong_code()), ("revoked", revoked)):
            page, seconds = ask(grouped(code.replace("-", "")))
            took[name].append(seconds)
            pages[name] = text_of(page).replace(grouped(code.replace("-", "")), "CODE")
            assert page.status_code == 403
    unknown, known = (statistics.median(took[name]) for name in ("unknown", "revoked"))
    print(f"\nmedians: unknown {unknown * 1000:.1f} ms, revoked {known * 1000:.1f} ms")
    assert 0.6 < unknown / known < 1.6
    contact = " Puedes preguntar a: hola@andes.example"
    assert contact in pages["revoked"], "the one thing that differs, by design"
    assert pages["revoked"].replace(contact, "") == pages["unknown"]


def test_the_link_to_a_revoked_code_draws_the_page_of_an_unknown_one(hub) -> None:
    opened = hub.workshop("Revocado por enlace")
    hub.house.call(revoke_invite, hub.champion(), "andes", opened.learner_invite.invite.id)
    said = [
        text_of(hub.browser().open_join(code))
        for code in (opened.learner_invite.code, wrong_code())
    ]
    assert said[0].replace(" Puedes preguntar a: hola@andes.example", "") == said[1]


def test_wrong_keys_are_answered_later_and_lock_nobody_out(hub) -> None:
    device = hub.browser(address="127.0.2.1")
    key = device.join(hub.workshop("Llaves malas").learner_invite.link, "Distraída")
    device.get("/hub/logout")
    login = device.get("/hub/login")
    form = {"attempt": attempt_in(login)}
    took = []
    for _ in range(7):
        wrong = RETURN_KEY.draw(secrets.choice)
        page, seconds = press(device, {**form, "return_key": wrong}, path="/hub/login")
        assert page.status_code == 403
        took.append(seconds)
    assert took[6] > 1.5 > took[0]
    page, seconds = press(device, {**form, "return_key": key}, path="/hub/login")
    assert page.status_code == 303
    assert seconds < 1.5


# Only for a form that was drawn for this browser


@pytest.mark.parametrize("lost", ["cookie", "field", "both"])
def test_a_code_is_looked_up_only_for_a_form_of_this_browser(hub, lost) -> None:
    code = hub.workshop(f"Formulario ajeno {lost}").learner_invite.code
    device = hub.browser()
    login = device.get("/hub/login")
    form = {"attempt": attempt_in(login), "action": "look", "code": code}
    if lost in ("cookie", "both"):
        device.session.cookies.clear()
    if lost in ("field", "both"):
        del form["attempt"]
    page, _ = press(device, form)
    assert page.status_code == 400
    assert "Envía el formulario otra vez" in text_of(page)
    assert f'value="{code}"' in page.text
    page, _ = press(device, {**form, "attempt": attempt_in(page)})
    assert page.status_code == 303, "sent once more, it works"


@pytest.mark.parametrize("mark", ["=", "?", "", "=="])
def test_nobody_can_say_that_a_code_was_looked_up_before(slow_hub, mark) -> None:
    """The kept code says whether it is still a guess: what is typed must not decide that."""
    device = slow_hub.browser()
    for _ in range(2):
        page = device.get("/hub/join", params={"code": mark + wrong_code()})
    device.session.cookies.pop("communities-attempt")
    page = device.get("/hub/join")
    expected = "Envía el formulario otra vez" if mark == "" else "Este código tiene un error."
    assert expected in text_of(page)


def test_who_closes_the_browser_leaves_the_line(slow_hub) -> None:
    code = slow_hub.workshop("Se van").learner_invite.code

    def give_up(_) -> None:
        device = slow_hub.browser()
        form = {"attempt": attempt_in(device.get("/hub/login")), "action": "look"}
        with suppress(requests.Timeout):
            address = f"{slow_hub.url}/hub/join"
            device.session.post(address, {**form, "code": wrong_code()}, timeout=2)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(give_up, range(40)))
    page, seconds = type_code(slow_hub, code)
    assert page.status_code == 303
    assert seconds < 2, "25 of them had not had their turn: five seconds' worth"
