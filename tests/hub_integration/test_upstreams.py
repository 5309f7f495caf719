"""Codes on top of the ways in that hubs have: real providers where Debian has them, else stubs."""

from __future__ import annotations

import re
import time

import pytest
from hubs import COMMUNITIES, RealHub, attempt_in, real_hub, text_of, xsrf_in
from upstreams.github import github_stub
from upstreams.glewlwyd import glewlwyd
from upstreams.lti import LTI11_CONFIG, launch_lti11, lti_platform
from upstreams.odd import GARBAGE, HANG, ODD_CLAIMS, odd_provider
from upstreams.slapd import PASSWORD, slapd

from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.grants import Role

RULES = """
sign_in:
  rules:
    - {prefix: /staff/andes/, community: andes, role: instructor}
"""
CODE_WAYS = ("Tengo un código", "Ya estuve aquí")
ALLOW_ALL = "c.Authenticator.allow_all = True"
GROUPS = """
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
"""


def type_password(device, username, password=PASSWORD):
    """The upstream's own form on the login page."""
    login = device.get("/hub/login")
    form = {"_xsrf": xsrf_in(login), "username": username, "password": password}
    return device.post("/hub/login", form)


def join_as_oneself(device, code):
    form = {"attempt": attempt_in(device.open_join(code)), "action": "continue"}
    return device.post("/hub/join", form, allow_redirects=False)


def offers_both_ways(hub: RealHub, upstream_way: str) -> bool:
    said = text_of(hub.browser().get("/hub/login"))
    return all(way in said for way in (*CODE_WAYS, upstream_way))


# Upstreams with a form of username and password; DummyAuthenticator is in test_upstream.py

FORM_UPSTREAMS = {
    "shared-password": """
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.SharedPasswordAuthenticator.admin_password = "only the operator knows this one"
""",
    "firstuse": """
c.JupyterHub.authenticator_class = "firstuse"
c.FirstUseAuthenticator.create_users = True
c.FirstUseAuthenticator.dbm_path = {folder!r} + "/passwords.dbm"
""",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    with slapd(tmp_path_factory.mktemp("slapd")) as directory:
        yield directory


@pytest.fixture(scope="module")
def ldap_hub(directory, tmp_path_factory):
    for username in ("carla", "diego"):
        directory.add_user(username)
    more = directory.hub_config() + ALLOW_ALL
    with real_hub(tmp_path_factory.mktemp("ldap"), more=more) as hub:
        yield hub


@pytest.fixture(scope="module", params=[*FORM_UPSTREAMS, "ldap"])
def form_hub(request, tmp_path_factory):
    if request.param == "ldap":
        yield request.getfixturevalue("ldap_hub")
        return
    folder = tmp_path_factory.mktemp(request.param)
    more = FORM_UPSTREAMS[request.param].format(password=PASSWORD, folder=str(folder))
    with real_hub(folder, more=more + ALLOW_ALL) as hub:
        yield hub


def test_a_form_upstream_stands_beside_codes(form_hub) -> None:
    assert offers_both_ways(form_hub, "Tengo una cuenta en esta plataforma")


def test_people_of_a_form_upstream_sign_in_and_wrong_passwords_are_sentences(form_hub) -> None:
    device = form_hub.browser()
    page = type_password(device, "carla")
    assert page.status_code == 200
    assert device.username() == "carla"
    refused = form_hub.browser()
    page = type_password(refused, "carla", "not the password")
    assert page.status_code == 403
    assert "no son correctos" in text_of(page)
    assert not refused.is_signed_in()


def test_a_person_of_a_form_upstream_joins_as_themselves(form_hub) -> None:
    opened = form_hub.workshop("Con contraseña")
    device = form_hub.browser()
    type_password(device, "diego")
    join_as_oneself(device, opened.learner_invite.code)
    assert device.username() == "diego"
    assert "community-andes.con-contrasena" in form_hub.user("diego")["groups"]


def test_nobody_of_a_form_upstream_lands_on_an_invite_account(form_hub, request) -> None:
    opened = form_hub.workshop("Solo código")
    learner = form_hub.browser()
    learner.join(opened.learner_invite.code, "Eva")
    username = learner.username()
    if "ldap" in request.node.callspec.id:
        request.getfixturevalue("directory").add_user(username)
    thief = form_hub.browser()
    page = type_password(thief, username)
    assert page.status_code == 403
    assert "es de otra persona" in text_of(page)
    assert not thief.is_signed_in()
    assert learner.username() == username


@pytest.fixture
def directory_gone(directory, ldap_hub):
    directory.stop()
    yield
    directory.start()


def test_a_directory_that_is_gone_leaves_codes_and_who_is_in(ldap_hub, directory) -> None:
    known = ldap_hub.browser()
    type_password(known, "carla")
    directory.stop()
    try:
        assert known.username() == "carla"
        learner = ldap_hub.browser()
        learner.join(ldap_hub.workshop("Sin directorio").learner_invite.code, "Rosa")
        assert learner.is_signed_in()
    finally:
        directory.start()
    back = ldap_hub.browser()
    type_password(back, "carla")
    assert back.username() == "carla"


def test_a_directory_that_is_gone_is_a_sentence_on_the_login_page(ldap_hub, directory_gone) -> None:
    before = len(ldap_hub.log())
    page = type_password(ldap_hub.browser(), "carla")
    assert page.status_code in (502, 503, 504)
    assert 'value="carla"' in page.text
    assert "Traceback" not in ldap_hub.log()[before:]


# A real OpenID Connect provider


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with glewlwyd(tmp_path_factory.mktemp("glewlwyd")) as provider:
        yield provider


@pytest.fixture(scope="module")
def oidc_hub(provider, tmp_path_factory):
    more = provider.hub_config() + GROUPS
    folder = tmp_path_factory.mktemp("oidc")
    with real_hub(folder, more=more, communities=COMMUNITIES + RULES) as hub:
        provider.add_client(hub.url)
        yield hub


def come_through(hub, provider, username, *, device=None, next_url=""):
    """A device that signed in through the provider, and the page where it landed."""
    device = device or hub.browser()
    asked = device.get("/hub/oauth_login", params={"next": next_url} if next_url else {})
    return device, provider.sign_in(device.session, asked, username)


def test_a_person_signs_in_through_a_real_provider_and_lands_in_the_hub(oidc_hub, provider) -> None:
    provider.add_user("maria", groups=["/research/peru/team"])
    assert offers_both_ways(oidc_hub, "OAuth 2.0")
    device, page = come_through(oidc_hub, provider, "maria", next_url="/hub/home")
    assert page.url == f"{oidc_hub.url}/hub/home"
    assert device.username() == "maria"


def test_a_join_link_leads_through_the_provider_and_back(oidc_hub, provider) -> None:
    provider.add_user("lucia")
    opened = oidc_hub.workshop("Ida y vuelta")
    device = oidc_hub.browser()
    page = device.open_join(opened.learner_invite.link)
    form = {"attempt": attempt_in(page), "action": "upstream"}
    asked = device.post("/hub/join", form)
    assert opened.learner_invite.link not in "".join(each.url for each in asked.history[1:])
    back = provider.sign_in(device.session, asked, "lucia")
    assert "/hub/spawn" in back.url or "/user/" in back.url, back.url
    assert "community-andes.ida-y-vuelta" in oidc_hub.user("lucia")["groups"]


def test_rules_turn_the_providers_groups_into_a_role_and_take_it_again(oidc_hub, provider) -> None:
    provider.add_user("ruth", groups=["/staff/andes/lima", "/research"])
    device, _ = come_through(oidc_hub, provider, "ruth")
    assert groups_of(oidc_hub, "ruth") == {"community-andes", "/staff/andes/lima", "/research"}
    assert role_of(oidc_hub, "ruth") is Role.INSTRUCTOR
    join_as_oneself(device, oidc_hub.workshop("Con regla").learner_invite.code)
    provider.change_groups("ruth", ["/research"])
    refresh(device)
    assert role_of(oidc_hub, "ruth") is None
    kept = {"community-andes", "community-andes.con-regla", "/research"}
    assert groups_of(oidc_hub, "ruth") == kept  # what the code gave stays


def role_of(hub, username):
    return hub.house.call(find_person, username).actor().role_at("andes")


def test_groups_are_the_providers_and_ours_together_at_sign_in_and_at_refresh(
    oidc_hub, provider
) -> None:
    provider.add_user("pedro", groups=["/research/peru/team", "staff", "community-planted"])
    device, ours = come_and_join(oidc_hub, provider, "pedro", "Con grupos")
    assert groups_of(oidc_hub, "pedro") == ours | {"/research/peru/team", "staff"}
    provider.change_groups("pedro", ["/research/peru"])
    refresh(device)
    assert groups_of(oidc_hub, "pedro") == ours | {"/research/peru"}
    # The claim is missing altogether.
    provider.change_groups("pedro", [])
    refresh(device)
    assert ours <= groups_of(oidc_hub, "pedro")


def test_joining_keeps_what_the_provider_gave_for_the_next_refresh(oidc_hub, provider) -> None:
    provider.add_user("olga", groups=["/research"])
    device, _ = come_through(oidc_hub, provider, "olga")
    join_as_oneself(device, oidc_hub.workshop("Sin salir").learner_invite.code)
    refresh(device)
    assert groups_of(oidc_hub, "olga") == {
        "/research",
        "community-andes",
        "community-andes.sin-salir",
    }


def test_whom_the_provider_forgot_stays_out(oidc_hub, provider) -> None:
    provider.add_user("zoe")
    device, _ = come_through(oidc_hub, provider, "zoe")
    provider.remove_user("zoe")
    time.sleep(1.5)
    assert not device.is_signed_in()


def test_nobody_of_the_provider_lands_on_an_invite_account(oidc_hub, provider) -> None:
    opened = oidc_hub.workshop("Solo código")
    learner = oidc_hub.browser()
    learner.join(opened.learner_invite.code, "Eva")
    username = learner.username()
    provider.add_user(username)
    thief, page = come_through(oidc_hub, provider, username)
    assert page.status_code == 403
    assert "es de otra persona" in text_of(page)
    assert not thief.is_signed_in()
    assert learner.username() == username


def test_a_provider_that_is_gone_drops_nothing(oidc_hub, provider) -> None:
    provider.add_user("ines", groups=["/research"])
    device, ours = come_and_join(oidc_hub, provider, "ines", "Sin proveedor")
    provider.stop()
    try:
        refresh(device)
        assert groups_of(oidc_hub, "ines") == ours | {"/research"}
    finally:
        provider.start()
    back, _ = come_through(oidc_hub, provider, "ines")
    assert back.username() == "ines"


def test_codes_work_while_the_provider_is_gone(oidc_hub, provider) -> None:
    provider.stop()
    try:
        learner = oidc_hub.browser()
        learner.join(oidc_hub.workshop("Mientras tanto").learner_invite.code, "Sol")
        assert learner.is_signed_in()
    finally:
        provider.start()


def come_and_join(hub, provider, username, title):
    """A device that came through the provider once it had joined, and the groups that it joined."""
    device, _ = come_through(hub, provider, username)
    join_as_oneself(device, hub.workshop(title).learner_invite.code)
    ours = {name for name in groups_of(hub, username) if name.startswith("community-andes")}
    assert len(ours) == 2
    come_through(hub, provider, username, device=device, next_url="/hub/home")
    return device, ours


def refresh(device) -> None:
    """Opens a page when what the hub knows of the person has become a second old."""
    time.sleep(1.5)
    page = device.get("/hub/home")
    assert page.status_code == 200, text_of(page)
    assert page.url.endswith("/hub/home"), "signed out by the refresh"


def groups_of(hub, username) -> set[str]:
    return set(hub.user(username)["groups"])


# A provider that misbehaves

NOT_A_USERNAME = {
    "no username",
    "empty username",
    "username with a slash",
    "username with spaces",
    "username of 300 characters",
    "username with a line break",
    "username that is a list",
}


@pytest.fixture(scope="module")
def odd_provider_process():
    with odd_provider() as odd:
        yield odd


@pytest.fixture
def odd(odd_provider_process):
    yield odd_provider_process
    odd_provider_process.says()
    odd_provider_process.faults = {}


@pytest.fixture(scope="module")
def odd_hub(odd_provider_process, tmp_path_factory):
    more = odd_provider_process.hub_config(seconds=2) + GROUPS
    with real_hub(tmp_path_factory.mktemp("odd"), more=more) as hub:
        yield hub


def come_at_once(device):
    """This provider asks nobody for anything."""
    return device.get("/hub/oauth_login", params={"next": "/hub/home"})


@pytest.mark.parametrize("said", ODD_CLAIMS)
def test_what_a_provider_says_never_breaks_a_page(odd_hub, odd, said) -> None:
    odd.says(**ODD_CLAIMS[said])
    before = len(odd_hub.log())
    device = odd_hub.browser()
    page = come_at_once(device)
    assert page.status_code < 500 or page.status_code == 502  # a sentence
    assert "Traceback" not in odd_hub.log()[before:]
    assert device.is_signed_in() == (said not in NOT_A_USERNAME)


def test_a_groups_claim_that_is_a_string_is_no_heap_of_letters(odd_hub, odd) -> None:
    odd.says(preferred_username="gabi", groups="/research/peru/team")
    come_at_once(odd_hub.browser())
    assert groups_of(odd_hub, "gabi") <= {"/research/peru/team"}


@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
@pytest.mark.parametrize("fault", [500, 401, HANG, GARBAGE])
def test_a_provider_that_fails_at_sign_in_is_said(odd_hub, odd, endpoint, fault) -> None:
    odd.faults = {endpoint: fault}
    before = len(odd_hub.log())
    device = odd_hub.browser()
    page = come_at_once(device)
    assert page.status_code in (403, 502, 503, 504)
    assert "Traceback" not in odd_hub.log()[before:]
    assert not device.is_signed_in()


def test_a_provider_that_failed_is_tried_again(odd_hub, odd) -> None:
    odd.faults = {"token": 500}
    device = odd_hub.browser()
    come_at_once(device)
    odd.faults = {}
    come_at_once(device)
    assert device.username() == "odd"


@pytest.mark.parametrize("fault", [500, HANG, GARBAGE])
def test_a_provider_that_fails_at_refresh_drops_nothing(odd_hub, odd, fault) -> None:
    odd.says(preferred_username=f"maria-{fault}")
    device = join_and_come_again(odd_hub, f"Falla {fault}")
    had = groups_of(odd_hub, f"maria-{fault}")
    assert len(had) == 3
    odd.faults = {"userinfo": fault}
    refresh(device)
    assert device.username() == f"maria-{fault}"
    assert groups_of(odd_hub, f"maria-{fault}") == had


@pytest.mark.parametrize(
    "groups",
    [None, "/research", 7, {"a": "b"}, [None, 3]],
    ids=str,
)
def test_an_odd_claim_at_refresh_drops_nothing_that_a_code_granted(odd_hub, odd, groups) -> None:
    odd.says(preferred_username="nora")
    device = join_and_come_again(odd_hub, f"Grupos {groups}")
    ours = {name for name in groups_of(odd_hub, "nora") if name.startswith("community-")}
    odd.says(preferred_username="nora", groups=groups)
    refresh(device)
    assert ours <= groups_of(odd_hub, "nora")


def join_and_come_again(hub, title):
    device = hub.browser()
    come_at_once(device)
    join_as_oneself(device, hub.workshop(title).learner_invite.code)
    come_at_once(device)
    return device


# GitHub


@pytest.fixture(scope="module")
def github():
    with github_stub() as github:
        yield github


@pytest.fixture(scope="module")
def github_hub(github, tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("github"), more=github.hub_config()) as hub:
        yield hub


def test_github_stands_beside_codes(github_hub) -> None:
    assert offers_both_ways(github_hub, "GitHub")


def test_a_person_of_github_signs_in_and_joins_as_themselves(github_hub, github) -> None:
    github.signed_in = "octocat"
    github.teams = {"octocat": ["andes/instructors"]}
    device = github_hub.browser()
    page = come_at_once(device)
    assert page.url == f"{github_hub.url}/hub/home"
    join_as_oneself(device, github_hub.workshop("Con GitHub").learner_invite.code)
    assert device.username() == "octocat"
    assert "community-andes.con-github" in groups_of(github_hub, "octocat")


# Learning platforms


@pytest.fixture(scope="module")
def lti11_hub(tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("lti11"), more=LTI11_CONFIG) as hub:
        yield hub


@pytest.fixture(scope="module")
def platform():
    with lti_platform() as platform:
        yield platform


@pytest.fixture(scope="module")
def lti13_hub(platform, tmp_path_factory):
    with real_hub(tmp_path_factory.mktemp("lti13"), more=platform.hub_config()) as hub:
        yield hub


def test_a_launch_of_lti_11_signs_in_and_joins(lti11_hub) -> None:
    device = lti11_hub.browser()
    launch_lti11(device.session, lti11_hub.url, "marta")
    assert device.username() == "marta"
    join_as_oneself(device, lti11_hub.workshop("Con Moodle").learner_invite.code)
    assert "community-andes.con-moodle" in groups_of(lti11_hub, "marta")
    assert device.get("/hub/lti11/config").status_code == 200


def test_lti_11_stands_beside_codes(lti11_hub) -> None:
    page = lti11_hub.browser().get("/hub/login")
    assert page.status_code == 200, "led to an address that takes launches only"
    assert offers_both_ways(lti11_hub, "LTI 1.1")


def test_a_launch_of_lti_13_signs_in_and_joins(lti13_hub, platform) -> None:
    device = lti13_hub.browser()
    platform.launch(device.session, lti13_hub.url, "marta")
    assert device.username() == "marta"
    join_as_oneself(device, lti13_hub.workshop("Con Canvas").learner_invite.code)
    assert "community-andes.con-canvas" in groups_of(lti13_hub, "marta")
    assert device.get("/hub/lti13/config").json()["title"] == "JupyterHub"


def test_lti_13_stands_beside_codes(lti13_hub) -> None:
    assert offers_both_ways(lti13_hub, "LTI 1.3")


@pytest.mark.parametrize("hub", ["lti11_hub", "lti13_hub"])
def test_the_login_page_leads_to_no_address_that_takes_launches_only(hub, request) -> None:
    device = request.getfixturevalue(hub).browser()
    page = device.get("/hub/login")
    for way in re.findall(r'href="(/hub/lti[^"]*)"', page.text):
        assert device.get(way.replace("&amp;", "&")).status_code < 400, way
