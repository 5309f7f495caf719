"""Requests with an `Idempotency-Key`: sent twice, done once."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from jupyterhub_communities.service.erasures import Erasures
from jupyterhub_communities.storage.tables import kept_answers

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
WORKSHOP = {
    "title": "Mapas",
    "language": "es",
    "zone": "America/Lima",
    "profile": "small",
    "sessions": [{"starts_at": "2030-03-02T14:00:00Z", "ends_at": "2030-03-02T17:00:00Z"}],
}
SITE = {"name": "Nairobi", "zone": "Africa/Nairobi"}


@pytest.fixture
def making(world):
    """Path → body, list of what there is of it, another body."""
    taller = f"communities/andes/workshops/{world.opened.workshop.slug}"
    invite = f"communities/andes/invites/{world.opened.learner_invite.invite.id}"
    return {
        "communities/andes/workshops": (WORKSHOP, {**WORKSHOP, "title": "Otro"}),
        "communities/andes/invites": ({"role": "helper"}, {"role": "learner"}),
        "communities/andes/batches": ({"names": ["Luz"]}, {"names": ["Sol"]}),
        "communities/andes/offers": ({"username": "mar"}, {"username": "sol"}),
        f"{taller}/sites": (SITE, {**SITE, "name": "Kisumu"}),
        f"{invite}/renew": (None, None),
    }


async def counts(call) -> tuple[int, ...]:
    paths = ("workshops", "invites", "audit")
    return tuple(
        [len((await call("GET", f"communities/andes/{path}?limit=200"))[1]) for path in paths]
    )


async def test_the_same_request_is_answered_alike_and_done_once(call, making) -> None:
    for number, (path, (body, other)) in enumerate(making.items()):
        key = {"Idempotency-Key": f"key-{number}"}
        status, made, headers = await call("POST", path, body=body, headers=key)
        assert status in (200, 201), made
        before = await counts(call)
        again = await call("POST", path, body=body, headers=key)
        assert again[:2] == (status, made)
        assert again[2].get("Location") == headers.get("Location")
        assert await counts(call) == before
        if other is not None:
            refused = await call("POST", path, body=other, headers=key)
            assert (refused[0], refused[1]["code"]) == (422, "idempotency.reused")
        assert await counts(call) == before
        _, another, _ = await call(
            "POST", path, body=body, headers={"Idempotency-Key": f"n{number}"}
        )
        assert another != made


async def test_the_same_body_in_other_words_is_the_same_request(call) -> None:
    path = "communities/andes/invites"
    _, made, _ = await call("POST", path, raw=b'{"role":"helper","seats":2}', headers=KEY)
    _, again, _ = await call("POST", path, raw=b'{ "seats": 2, "role": "helper" }', headers=KEY)
    assert again == made


async def test_a_key_is_its_owners_and_of_one_place(call) -> None:
    path = "communities/andes/invites"
    _, mine, _ = await call("POST", path, body={}, headers=KEY)
    _, theirs, _ = await call("POST", path, body={}, headers=KEY, token="instructor")
    assert theirs["id"] != mine["id"]
    status, problem, _ = await call(
        "POST", "communities/andes/batches", body={"names": ["Luz"]}, headers=KEY
    )
    assert (status, problem["code"]) == (422, "idempotency.reused")


async def test_of_two_at_once_one_creates(call) -> None:
    path = "communities/andes/workshops"
    found = await asyncio.gather(
        *(call("POST", path, body=WORKSHOP, headers=KEY) for _ in range(5))
    )
    assert {status for status, _, _ in found} == {201}
    assert all(made == found[0][1] for _, made, _ in found)
    assert len((await call("GET", path))[1]) == 2


async def test_what_was_refused_may_be_sent_again(call, world) -> None:
    path = "communities/andes/workshops"
    many = {**WORKSHOP, "reserved": True, "seats": 4}
    assert (await call("POST", path, body=many, headers=KEY))[0] == 409
    assert (await call("POST", path, body=WORKSHOP, headers=KEY))[0] == 201


async def test_it_is_forgotten_after_a_day(call, world) -> None:
    path = "communities/andes/invites"
    _, made, _ = await call("POST", path, body={}, headers=KEY)
    world.house.clock.advance(hours=23)
    await Erasures(world.house, world.hub).pass_once()
    assert (await call("POST", path, body={}, headers=KEY))[1] == made
    world.house.clock.advance(hours=2)
    assert (await call("POST", path, body={}, headers=KEY))[1]["id"] != made["id"]
    world.house.clock.advance(hours=25)
    await Erasures(world.house, world.hub).pass_once()
    assert rows(world) == []


async def test_no_code_and_no_name_stands_there_in_clear(call, world) -> None:
    path = "communities/andes/batches"
    _, made, _ = await call("POST", path, body={"names": ["Wangari"]}, headers=KEY)
    (row,) = rows(world)
    text = repr(row)
    for secret in (
        "Wangari",
        made[0]["code"],
        made[0]["link"][-22:],
        KEY["Idempotency-Key"],
        "ana",
    ):
        assert secret not in text


@pytest.mark.parametrize("key", ["", " ", "ñ", "x" * 256])
async def test_a_key_that_is_none_is_refused(call, key) -> None:
    headers = {"Idempotency-Key": key}
    assert (await call("POST", "communities/andes/invites", body={}, headers=headers))[0] == 400


def rows(world) -> list:
    with world.house.database.engine.connect() as connection:
        return list(connection.execute(select(kept_answers)))
