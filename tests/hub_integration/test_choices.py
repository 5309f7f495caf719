"""Choices within a profile, as they come from the form, from links and from REST, on a real hub."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hubs import COMMUNITIES, WATCHED, real_hub, text_of

from tools import wait_until

PROFILES = """\
  - slug: small
    name: {en: Lessons, es: Lecciones}
    former_slugs: [classes]
    environment: {COURSE: {en: novice, es: novato}}
    choices:
      - slug: tools
        name: {en: Tools, es: Programas}
        options:
          - {slug: few, name: {en: Few, es: Pocos}, environment: {TOOLS: few}}
          - {slug: many, name: {en: Many, es: Muchos}, environment: {TOOLS: many}}
          - {slug: staff, name: {en: Staff, es: Equipo}, roles: [instructor]}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    communities = COMMUNITIES.partition("  - {slug: small")[0] + PROFILES
    folder = tmp_path_factory.mktemp("choices")
    with real_hub(folder, communities=communities, more=WATCHED) as hub:
        yield hub


@pytest.fixture
def learner(hub, request):
    opened = hub.workshop(f"Taller {request.node.name[-24:]}")
    device = hub.browser()
    device.join(opened.learner_invite.code, "Illari")
    device.get("/hub/welcome")
    yield device, f"andes/{opened.workshop.slug}/small"
    if hub.user(device.username())["servers"]:
        hub.api("DELETE", f"/users/{device.username()}/server")
        wait_until(lambda: not hub.user(device.username())["servers"])


def environment_of(hub, username) -> dict[str, str]:
    """What the operating system says of the running server."""
    ready = wait_until(lambda: [s for s in hub.user(username)["servers"].values() if s["ready"]])
    pid = ready[0]["state"]["pid"]
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if pair)


def test_the_form_offers_what_is_theirs_and_starts_it_in_their_language(hub, learner) -> None:
    device, place = learner
    form = device.get("/hub/spawn")
    assert "Programas" in text_of(form)
    assert "Muchos" in text_of(form)
    assert "Equipo" not in text_of(form)
    token = device.session.cookies.get("_xsrf")
    device.post(f"/hub/spawn?_xsrf={token}", {"start_on": place, f"{place}/tools": "many"})
    environment = environment_of(hub, device.username())
    assert (environment["TOOLS"], environment["COURSE"]) == ("many", "novato")


def test_a_link_with_a_slug_of_old_goes_through_the_same_gates(hub, learner) -> None:
    device, _ = learner
    page = device.get("/hub/spawn", params={"opt-profile": "classes", "opt-choice-tools": "staff"})
    assert page.status_code == 403
    assert "Esta opción no se ofrece aquí. Elige otra." in text_of(page)
    device.get("/hub/spawn", params={"opt-profile": "classes", "opt-choice-tools": "many"})
    assert environment_of(hub, device.username())["TOOLS"] == "many"


def test_rest_goes_through_the_same_gates(hub, learner) -> None:
    device, _ = learner
    path = f"/users/{device.username()}/server"
    refused = hub.api("POST", path, json={"profile": "small", "choice-tools": "staff"})
    assert refused.status_code == 403
    odd = {"profile": "small", "choice-tools": ["many"], "choice-other": {"a": 1}, "x": "../y"}
    assert hub.api("POST", path, json=odd).status_code in (201, 202)
    assert environment_of(hub, device.username())["TOOLS"] == "many"


def test_a_running_hub_goes_on_with_the_file_as_it_was_and_says_so_once(hub, learner) -> None:
    file = hub.folder / "communities.yaml"
    good = file.read_text()
    file.write_text(good.replace("former_slugs:", "fromer_slugs:"))
    try:
        before = hub.service_pid()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: hub.service_pid() not in (None, before) and hub.answers(), seconds=60)
        device, _ = learner
        device.get("/hub/spawn", params={"opt-profile": "classes", "opt-choice-tools": "many"})
        assert environment_of(hub, device.username())["TOOLS"] == "many"
        assert hub.log().count("unknown key; did you mean former_slugs?") == 1
    finally:
        file.write_text(good)
