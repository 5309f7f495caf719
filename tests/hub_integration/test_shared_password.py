"""A hub with one shared password moves over: its people keep their names and their homes."""

from __future__ import annotations

import pytest
from hubs import attempt_in, key_in, real_hub

from jupyterhub_communities.application.issuing import issue_bound_invite

WITH_PASSWORD = """
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "the-same-for-all"
c.SharedPasswordAuthenticator.admin_password = "a-long-one-for-the-operator-only-0123456789"
c.Authenticator.allow_all = True
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("moving"), more=WITH_PASSWORD) as hub:
        yield hub


def sign_in(device, username, password="the-same-for-all"):
    login = device.get("/hub/login")
    form = {"attempt": attempt_in(login), "username": username, "password": password}
    return device.post("/hub/login", form)


def start(hub, username):
    hub.api("POST", f"/users/{username}/server")
    return hub.folder / "homes" / username


def test_people_move_over_one_by_one_and_the_password_goes(hub) -> None:
    sign_in(hub.browser(), "carla")
    home = start(hub, "carla")
    (home / "thesis.ipynb").write_text("years of work")
    hub.api("DELETE", "/users/carla/server")
    # While both ways are open, each person gets a key for the account that they have.
    code = hub.house.call(issue_bound_invite, "carla").code
    device = hub.browser()
    page = device.open_join(code)
    form = {"attempt": attempt_in(page), "action": "join", "name": "carla"}
    key = key_in(device.post("/hub/join", form))
    assert device.username() == "carla"
    device.keep_key(allow_redirects=False)
    # The shared password goes: the two lines are taken out, and the hub is started again.
    config = hub.folder / "jupyterhub_config.py"
    config.write_text(config.read_text().replace(WITH_PASSWORD, ""))
    hub.stop()
    hub.start()
    anybody = hub.browser()
    sign_in(anybody, "carla")
    assert not anybody.is_signed_in()
    back = hub.browser()
    login = back.get("/hub/login")
    back.post("/hub/login", {"attempt": attempt_in(login), "return_key": key})
    assert back.username() == "carla"
    assert (start(hub, "carla") / "thesis.ipynb").read_text() == "years of work"
    hub.api("DELETE", "/users/carla/server")
