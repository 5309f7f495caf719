"""The service over PostgreSQL, which refuses what SQLite looks for in vain."""

from __future__ import annotations

import json

import pytest
from houses import andes, make_house
from tornado.httpclient import AsyncHTTPClient


@pytest.fixture
def house(postgresql, tmp_path):
    url = postgresql.lend()
    (tmp_path / "database").write_text(url)
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()
    postgresql.take_back(url)


@pytest.fixture
def ask(service):
    async def ask(method, path, body=None, token="champion"):
        return await AsyncHTTPClient().fetch(
            service + path,
            method=method,
            headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            raise_error=False,
            follow_redirects=False,
        )

    return ask


SESSION = {"starts_at": "2026-03-02T12:00:00Z", "ends_at": "2026-03-02T14:00:00Z"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "api/v1/communities/andes/members/luz%00", {"role": "helper"}),
        ("DELETE", "api/v1/communities/andes/members/%00", None),
        ("GET", "api/v1/communities/%00", None),
        ("POST", "api/v1/communities/andes/invites", {"workshop": "\0"}),
        ("POST", "api/v1/communities/andes/batches", {"names": ["Luz", "R\0sa"]}),
        ("POST", "api/v1/communities/andes/keys", {"username": "a\0", "number": "1234"}),
        (
            "POST",
            "api/v1/communities/andes/workshops",
            {"title": "\0", "language": "es", "zone": "\0", "sessions": [SESSION]},
        ),
        (
            "POST",
            "api/v1/communities/andes/workshops",
            {"title": "Taller", "language": "es", "profile": "\0", "sessions": [SESSION]},
        ),
        ("GET", "communities/andes/workshops/taller-de-python/people/%00/retire", None),
    ],
)
async def test_a_text_with_nul_is_refused_in_a_sentence(ask, method, path, body) -> None:
    answer = await ask(method, path, body)
    assert 400 <= answer.code < 500, answer.body
    assert answer.body


async def test_the_operators_reason_is_refused_in_a_sentence(ask) -> None:
    answer = await ask(
        "POST", "api/v1/communities/andes/suspend", {"because": "\0"}, token="operator"
    )
    problem = json.loads(answer.body)
    assert (problem["status"], problem["code"]) == (400, "ask.text")


async def test_a_server_that_is_away_is_503_and_healthy_when_it_is_back(ask, postgresql) -> None:
    postgresql.stop()
    answer = await ask("GET", "api/v1/communities/andes")
    assert (answer.code, json.loads(answer.body)["code"]) == (503, "storage.unreachable")
    assert json.loads((await ask("GET", "health")).body) == {"status": "database"}
    postgresql.start()
    assert (await ask("GET", "health")).code == 200
    assert (await ask("GET", "api/v1/communities/andes")).code == 200
