"""The REST API: what it answers, whom it refuses, and how it says what is wrong."""

from __future__ import annotations

import pytest
from houses import andes, most_servers

from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.domain.grants import Role

WORKSHOP = {
    "title": "Mapas",
    "language": "es",
    "zone": "America/Lima",
    "seats": 5,
    "profile": "small",
    "sessions": [
        {"starts_at": "2030-03-02T09:00:00-05:00", "ends_at": "2030-03-02T12:00:00-05:00"}
    ],
}


async def test_a_workshop_is_opened_looked_at_and_closed(call) -> None:
    status, made, headers = await call("POST", "communities/andes/workshops", body=WORKSHOP)
    assert status == 201
    assert headers["Location"].endswith("/api/v1/communities/andes/workshops/mapas")
    assert len(made["invite"]["code"]) == 14
    assert "/hub/join?code=" in made["invite"]["link"]
    status, seen, _ = await call("GET", "communities/andes/workshops/mapas")
    assert seen["invite"]["code"] == made["invite"]["code"]
    assert (await call("GET", "communities/andes/workshops/mapas/board"))[1] == []
    status, closed, _ = await call("POST", "communities/andes/workshops/mapas/close")
    assert (status, closed["state"]) == (200, "closed")


async def test_an_invite_is_issued_shown_again_and_revoked(call) -> None:
    status, made, _ = await call("POST", "communities/andes/invites", body={"role": "helper"})
    assert (status, made["role"]) == (201, "helper")
    path = f"communities/andes/invites/{made['id']}"
    assert (await call("GET", path))[1]["code"] == made["code"]
    assert (await call("POST", f"{path}/revoke"))[1]["revoked_at"]
    listed = (await call("GET", "communities/andes/invites"))[1]
    assert all("code" not in invite for invite in listed), "a list shows no codes"


async def test_a_batch_is_made_shown_and_released(call) -> None:
    body = {"names": ["Luz", "Inés"], "role": "learner"}
    status, made, headers = await call("POST", "communities/andes/batches", body=body)
    assert (status, [invite["name"] for invite in made]) == (201, ["Inés", "Luz"])
    assert headers["Location"].endswith(f"/batches/{made[0]['batch']}")
    path = f"communities/andes/batches/{made[0]['batch']}"
    unclaimed = (await call("GET", path))[1]
    assert {invite["code"] for invite in unclaimed} == {invite["code"] for invite in made}
    assert (await call("POST", f"{path}/release"))[1] == {"released": 2}


async def test_an_invite_is_changed_and_renewed(call) -> None:
    body = {"seats": 5, "lasts_days": 3, "by_hand": True}
    _, made, _ = await call("POST", "communities/andes/invites", body=body)
    assert made["by_hand"]
    path = f"communities/andes/invites/{made['id']}"
    _, changed, _ = await call("PATCH", path, body={"seats": 7, "paused": True})
    assert (changed["seats"], changed["paused"], changed["by_hand"]) == (7, True, True)
    _, unlimited, _ = await call("PATCH", path, body={"seats": None})
    assert (unlimited["seats"], unlimited["paused"]) == (None, True)
    _, renewed, _ = await call("POST", f"{path}/renew")
    assert renewed["id"] == made["id"]
    assert {renewed["code"], renewed["link"]}.isdisjoint({made["code"], made["link"]})


async def test_revoking_with_grants_reaches_the_hub_at_once(call, world) -> None:
    _, made, _ = await call("POST", "communities/andes/invites", body={})
    joined = world.house.call(redeem_invite, JoinRequest(made["code"], "a", "Rosa")).account
    path = f"communities/andes/invites/{made['id']}/revoke"
    assert (await call("POST", path, body={"with_grants": True}))[1]["revoked_at"]
    assert world.hub.groups[joined.username] == set()


@pytest.mark.parametrize(
    "times",
    [
        {"opens_at": "2030-01-02T09:00Z", "closes_at": "2030-01-02T09:00Z"},
        {"opens_at": "0001-01-01T00:00+09:00"},
        {"closes_at": "9999-12-31T23:00-09:00"},
    ],
)
async def test_an_invite_with_times_that_do_not_hold_is_refused(call, times) -> None:
    status, problem, _ = await call("POST", "communities/andes/invites", body=times)
    assert (status, problem["code"]) == (400, "invite.times")


async def test_a_role_given_reaches_the_hub_at_once(call, world) -> None:
    name = world.usernames[Role.LEARNER]
    status, member, _ = await call(
        "PUT", f"communities/andes/members/{name}", body={"role": "instructor"}
    )
    assert (status, member["role"]) == (200, "instructor")
    assert world.hub.groups[name] == {"community-andes"}
    assert (await call("DELETE", f"communities/andes/members/{name}"))[0] == 204
    assert world.hub.groups[name] == set()


async def test_me_says_who_i_am_and_keeps_my_language(call, world) -> None:
    _, me, _ = await call("GET", "me", token="helper")
    assert me["communities"] == [{"community": "andes", "role": "helper", "workshops": []}]
    _, me, _ = await call("PATCH", "me", token="helper", body={"language": "es"})
    assert me["language"] == "es"
    _, problem, _ = await call("GET", "communities/nowhere", token="helper")
    assert problem["detail"] == "Esta comunidad no existe o no perteneces a ella."


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("unknown", 401), ("server", 403), ("service", 403)]
)
async def test_who_is_nobody_here_gets_nothing(call, token, status) -> None:
    for path in ("me", "communities/andes", "nowhere"):
        found, problem, headers = await call("GET", path, token=token)
        assert found == problem["status"] == status
        assert headers["Content-Type"] == "application/problem+json"


async def test_a_workshop_reserves_by_its_body_and_by_patch(call, world) -> None:
    path = "communities/andes/workshops/mapas"
    many = {**WORKSHOP, "reserved": True}
    status, problem, _ = await call("POST", "communities/andes/workshops", body=many)
    assert (status, problem["code"]) == (409, "reservation.too_large")
    status, problem, _ = await call(
        "POST", "communities/andes/workshops", body={**many, "seats": None}
    )
    assert (status, problem["code"]) == (400, "reservation.needs")
    status, made, _ = await call("POST", "communities/andes/workshops", body={**many, "seats": 2})
    assert (status, made["reserved"]["servers"]) == (201, 2)
    status, seen, _ = await call("PATCH", path, body={"reserved": False})
    assert (status, seen["reserved"], seen["short"]) == (200, None, {})
    assert (await call("PATCH", path, body={"reserved": True}))[1]["reserved"]["servers"] == 2
    world.house.call(apply_declarations, (andes(servers=1),), most_servers(None))
    ((overbooked,), status) = (await call("GET", "communities/andes/overbookings"))[1::-1]
    assert status == 200
    assert (overbooked["owned"], overbooked["reserved"]) == (1, 2)
    assert overbooked["level"] == "community"
    assert overbooked["giving"] == [{"community": "andes", "workshop": "mapas", "amount": 1}]
    assert (await call("GET", "hub/overbookings", token="operator"))[:2] == (200, [])
    for method, at, body in (
        ("PATCH", path, {"reserved": False}),
        ("GET", "communities/andes/overbookings", None),
        ("GET", "hub/overbookings", None),
    ):
        assert (await call(method, at, token="helper", body=body))[0] == 403


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"title": ""}, 422, "body.invalid"),
        ({"title": "bell\x07"}, 400, "workshop.title"),
        ({"title": "x" * 400}, 400, "workshop.title"),
        ({"language": "klingon"}, 422, "body.invalid"),
        ({"language": "en@euro"}, 422, "body.invalid"),
        ({"language": "es."}, 422, "body.invalid"),
        ({"zone": "Mars/Base"}, 400, "zone.unknown"),
        ({"seats": 0}, 422, "body.invalid"),
        ({"seats": 10**9}, 422, "body.invalid"),
        ({"seats": "many"}, 422, "body.invalid"),
        ({"profile": "huge"}, 400, "profile.unknown"),
        ({"surprise": 1}, 422, "body.invalid"),
        ({"sessions": []}, 422, "body.invalid"),
        ({"sessions": [{"starts_at": "2030-01-02T09:00", "ends_at": "2030-01-02T10:00"}]},
         422, "body.invalid"),
        ({"sessions": [{"starts_at": "2030-01-02T10:00Z", "ends_at": "2030-01-02T09:00Z"}]},
         400, "workshop.sessions"),
        ({"sessions": [{"starts_at": "2030-01-02T09:00Z", "ends_at": "2030-01-02T12:00Z"}] * 2},
         400, "workshop.sessions"),
        ({"sessions": [{"starts_at": "0001-01-01T00:00+09:00", "ends_at": "2030-01-02T12:00Z"}]},
         400, "workshop.sessions"),
    ],
)  # fmt: skip
async def test_a_workshop_that_does_not_hold_is_refused_and_nothing_is_made(
    call, change, status, code
) -> None:
    found, problem, _ = await call(
        "POST", "communities/andes/workshops", body={**WORKSHOP, **change}
    )
    assert (found, problem["code"]) == (status, code)
    assert problem["detail"]
    assert len((await call("GET", "communities/andes/workshops"))[1]) == 1


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        ("{", {}, 422),
        ("[]", {}, 422),
        ("null", {}, 422),
        ("", {}, 422),
        ("\xff", {}, 422),
        ("{}", {"Content-Type": "text/plain"}, 415),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem_document(call, raw, headers, status) -> None:
    found, problem, _ = await call(
        "POST", "communities/andes/workshops", raw=raw.encode("latin-1"), headers=headers
    )
    assert found == problem["status"] == status


async def test_a_method_that_is_not_there_is_405(call) -> None:
    assert (await call("DELETE", "communities/andes"))[0] == 405


async def test_another_communitys_objects_cannot_be_reached_by_id(call, world) -> None:
    invite = world.opened.learner_invite.invite.id
    for path in (f"communities/brasil/invites/{invite}", "communities/andes"):
        assert (await call("GET", path, token="bia"))[0] == 404


async def test_a_database_that_does_not_answer_is_503(call, world, tmp_path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "communities.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, problem, _ = await call("POST", "communities/andes/invites", body={})
        other.execute("ROLLBACK")
    assert (status, problem["code"]) == (503, "storage.unreachable")
