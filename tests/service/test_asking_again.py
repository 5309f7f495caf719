"""What gives power away asks a browser to sign in again after a quarter of an hour."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from houses import actor_of
from tornado.httpclient import AsyncHTTPClient
from tornado.web import create_signed_value

from jupyterhub_communities.application.rehearsals import begin_rehearsal
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.pages.proofs import COOKIE, proof_of
from jupyterhub_communities.service.app import API_HANDLERS
from jupyterhub_communities.service.operations import operations_of

PREFIX = "/services/communities/"
ASKING = {
    "DELETE hub/people/{username}",
    "DELETE me",
    "DELETE me/identities",
    "GET communities/{community}/batches/{batch}",
    "GET communities/{community}/invites/{invite}",
    "GET communities/{community}/workshops/{workshop}/attendance",
    "GET me/export",
    "POST communities",
    "POST communities/{community}/batches",
    "POST communities/{community}/hand-over",
    "POST communities/{community}/invites",
    "POST communities/{community}/invites/{invite}/renew",
    "POST communities/{community}/keys",
    "POST communities/{community}/offers",
    "POST communities/{community}/templates/{template}/open",
    "POST communities/{community}/workshops",
    "POST communities/{community}/workshops/{workshop}/clone",
    "POST communities/{community}/workshops/{workshop}/keys",
    "POST communities/{community}/workshops/{workshop}/training",
    "POST me/return-key",
    "PUT communities/{community}/champions/{username}",
    "PUT communities/{community}/members/{username}",
    "PUT communities/{community}/members/{username}/erasure",
    "PUT communities/{community}/workshops/{workshop}/promise",
    "PUT me/return-key",
}


@pytest.fixture
def ask(service, world):
    """A request of the champion's browser."""
    cookie = create_signed_value(b"s" * 32, "service-communities", "champion").decode()
    session = f'service-communities="{cookie}"'

    async def send(method, path, *, cookies="", headers=(), body=None):
        return await AsyncHTTPClient().fetch(
            service + path,
            method=method,
            headers={"Cookie": f"{session}; {cookies}", **dict(headers)},
            body=body,
            allow_nonstandard_methods=True,
            raise_error=False,
            follow_redirects=False,
        )

    async def ask(method, path, *, proved, mode="cors", body=None, form=None):
        page = await send("GET", "", headers={"Sec-Fetch-Mode": "navigate"})
        token = re.search(r"_xsrf=([^;]+)", ", ".join(page.headers.get_list("Set-Cookie")))[1]
        keys, now = world.house.keys, world.house.clock.now()
        proof = f"; {COOKIE}={proof_of('ana', now, keys)}" if proved else ""
        kind = "application/json" if form is None else "application/x-www-form-urlencoded"
        return await send(
            method,
            path,
            cookies=f"_xsrf={token}{proof}",
            headers={"Sec-Fetch-Mode": mode, "X-XSRFToken": token, "Content-Type": kind},
            body=json.dumps(body or {}) if form is None and method != "GET" else form,
        )

    return ask


@pytest.fixture
def fill(world):
    """A path of the API with what there is."""
    return lambda path: path.format(
        community="andes",
        workshop=world.opened.workshop.slug,
        username=world.usernames[Role.LEARNER],
        invite=world.opened.learner_invite.invite.id,
        batch="0" * 32,
        template="0" * 32,
    )


def code_of(answer) -> str:
    found = json.loads(answer.body) if answer.body else {}
    return found.get("code", "") if isinstance(found, dict) else ""


def test_what_asks_again_is_what_is_written_here() -> None:
    found = {
        f"{method} {path}"
        for handler in API_HANDLERS
        for path in handler.paths
        for method, said in operations_of(handler).items()
        if said.asks_again
    }
    assert found == ASKING


@pytest.mark.parametrize("asking", sorted(ASKING))
async def test_a_browser_that_has_proved_nothing_lately_is_refused(ask, fill, asking) -> None:
    method, path = asking.split(" ")
    refused = await ask(method, f"api/v1/{fill(path)}", proved=False)
    assert (refused.code, code_of(refused)) == (403, "proof.needed")
    # Another refusal may follow, for this body is empty.
    assert code_of(await ask(method, f"api/v1/{fill(path)}", proved=True)) != "proof.needed"


async def test_the_trail_is_read_but_not_carried_away(ask) -> None:
    path = "api/v1/communities/andes/audit"
    assert (await ask("GET", path, proved=False)).code == 200
    for kind in ("csv", "json"):
        refused = await ask("GET", f"{path}?format={kind}", proved=False)
        assert code_of(refused) == "proof.needed"
        assert (await ask("GET", f"{path}?format={kind}", proved=True)).code == 200


async def test_a_workshops_code_is_left_out(ask, world, fill) -> None:
    code = world.opened.learner_invite.code
    for path in ("api/v1/", ""):
        path += fill("communities/{community}/workshops/{workshop}")
        assert code not in (await ask("GET", path, proved=False)).body.decode()
        assert code in (await ask("GET", path, proved=True)).body.decode()


async def test_a_rehearsals_code_is_left_out_too(ask, world, fill) -> None:
    page = fill("communities/{community}/workshops/{workshop}")
    path, ana = f"api/v1/{page}/rehearsal", actor_of(world.house, "ana")
    begun = world.house.call(begin_rehearsal, ana, "andes", world.opened.workshop.slug)
    for method, at in (("GET", path), ("PUT", path), ("GET", page)):
        hidden, shown = [
            (await ask(method, at, proved=proved)).body.decode() for proved in (False, True)
        ]
        assert begun.issued.code not in hidden, at
        assert begun.issued.link not in hidden, at
        assert begun.issued.code in shown, at


@pytest.fixture
def pages(world, fill):
    workshop = fill("communities/{community}/workshops/{workshop}")
    return [
        fill("communities/{community}/codes/{invite}"),
        "communities/andes/keys",
        f"{workshop}/keys",
        f"{workshop}/projector",
        f"{workshop}/handouts?kind=slips",
    ]


async def test_pages_lead_to_the_sign_in_and_back(ask, world, pages) -> None:
    for path in pages:
        assert (await ask("GET", path, proved=True, mode="navigate")).code == 200, path
        answer = await ask("GET", path, proved=False, mode="navigate")
        there = urlsplit(answer.headers["Location"])
        assert (answer.code, there.path) == (303, "/hub/login"), path
        assert parse_qs(there.query) == {"again": ["1"], "next": [PREFIX + path]}


async def test_a_form_that_took_long_to_fill_in_is_not_lost(ask, world, fill) -> None:
    """It does nothing either, and is sent once more from where it stands."""
    world.tokens["champion"]["admin"] = True
    workshop = fill("communities/{community}/workshops/{workshop}")
    invite = fill("communities/{community}/codes/{invite}")
    version = world.opened.learner_invite.invite.version
    for path, typed in (
        ("hub/communities/new", {"slug": "costa", "name": "La Costa", "champions": "ana"}),
        (f"{workshop}/training", {"action": "give", "person": "luz"}),
        (invite, {"action": "change", "seats": "7", "version": version}),
    ):
        form = urlencode({**typed, "language": "es"})
        answer = await ask("POST", path, proved=False, mode="navigate", form=form)
        page = html.unescape(answer.body.decode())
        assert answer.code == 403
        assert f'action="{PREFIX}{path}"' in page
        for name, value in typed.items():
            assert f'name="{name}" value="{value}"' in page, path
        there = urlsplit(re.search(r'id="again" href="([^"]+)"', page)[1])
        assert parse_qs(there.query) == {"again": ["1"], "next": [PREFIX + path]}
        answer = await ask("POST", path, proved=True, mode="navigate", form=form)
        assert answer.code in (303, 409), path  # nothing is promised here


async def test_no_sign_in_comes_to_stand_on_the_wall(ask, fill) -> None:
    """What a room sees stays when the quarter of an hour is over; it is only told nothing new."""
    path = fill("communities/{community}/workshops/{workshop}/projector")
    answer = await ask("GET", path, proved=False, mode="cors")
    assert (answer.code, answer.body) == (204, b"")
    assert (await ask("GET", path, proved=True, mode="cors")).code == 200


async def test_a_file_that_is_opened_leads_there_too(ask, fill) -> None:
    answer = await ask("GET", "api/v1/me/export", proved=False, mode="navigate")
    assert (answer.code, answer.headers["Location"].partition("?")[0]) == (303, "/hub/login")


async def test_a_form_does_nothing_and_leads_to_the_page_that_it_is_of(ask, world, fill) -> None:
    workshop = fill("communities/{community}/workshops/{workshop}")
    invite = world.opened.learner_invite.invite.id

    def secrets():
        with world.house.database.read() as store:
            return store.invites.secrets(invite)

    before = secrets()
    form = urlencode({"username": world.usernames[Role.CHAMPION]})
    for path, page in ((f"{workshop}/code", workshop), ("me", "me")):
        answer = await ask("POST", path, proved=False, mode="navigate", form=form)
        assert answer.code == 303
        assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == [PREFIX + page]
    assert secrets() == before
    answer = await ask("POST", f"{workshop}/code", proved=True, mode="navigate", form=form)
    assert answer.headers["Location"] == PREFIX + workshop
    assert secrets() != before
