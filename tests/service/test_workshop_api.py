"""Workshops in the API: changed, held again, who was there, the message."""

from __future__ import annotations

import csv
import io

import pytest
from houses import actor_of
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.workshops import close_workshop
from jupyterhub_communities.domain.grants import Role


async def test_a_patch_changes_what_it_says(call, taller) -> None:
    sessions = [{"starts_at": "2030-03-02T09:00-05:00", "ends_at": "2030-03-02T12:00-05:00"}]
    body = {"title": "Mapas", "seats": 7, "profile": None, "sessions": sessions, "reserved": False}
    status, changed, _ = await call("PATCH", taller, body=body)
    assert status == 200
    assert (changed["title"], changed["seats"], changed["profile"]) == ("Mapas", 7, None)
    assert changed["sessions"][0]["starts_at"] == "2030-03-02T14:00:00+00:00"
    assert (changed["invite"]["seats"], changed["language"]) == (7, "es")
    assert changed["invite"]["closes_at"] == "2030-03-02T17:00:00+00:00"
    assert (await call("PATCH", taller, body={}))[1] == changed


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"title": ""}, 422, "body.invalid"),
        ({"title": None}, 422, "body.invalid"),
        ({"title": "bell\x07"}, 400, "workshop.title"),
        ({"language": "klingon"}, 422, "body.invalid"),
        ({"zone": "Mars/Base"}, 400, "zone.unknown"),
        ({"seats": 0}, 422, "body.invalid"),
        ({"sessions": []}, 422, "body.invalid"),
        ({"sessions": None}, 422, "body.invalid"),
        ({"sessions": [{"starts_at": "2030-01-02T10:00Z", "ends_at": "2030-01-02T09:00Z"}]},
         400, "workshop.sessions"),
        ({"profile": "huge"}, 400, "profile.unknown"),
        ({"reserved": True}, 409, "reservation.too_large"),
        ({"reserved": True, "seats": None}, 400, "reservation.needs"),
        ({"slug": "other"}, 422, "body.invalid"),
    ],
)  # fmt: skip
async def test_a_patch_that_does_not_hold_changes_nothing(call, taller, body, status, code) -> None:
    before = (await call("GET", taller))[1]
    found, problem, _ = await call("PATCH", taller, body=body)
    assert (found, problem["code"]) == (status, code)
    assert (await call("GET", taller))[1] == before


async def test_seats_below_those_taken_say_how_many(call, world, taller) -> None:
    for name in ("Luz", "Inés"):
        world.house.call(redeem_invite, JoinRequest(world.opened.learner_invite.code, name, name))
    status, problem, _ = await call("PATCH", taller, body={"seats": 1})
    assert (status, problem["code"]) == (409, "workshop.seats_taken")
    assert problem["detail"] == "2 seats are taken already. Please give at least as many."


async def test_if_match_keeps_a_change_from_what_nobody_looked_at(call, world, taller) -> None:
    tag = (await call("GET", taller))[2]["Etag"]
    world.house.call(redeem_invite, JoinRequest(world.opened.learner_invite.code, "z", "Zoe"))
    changed = await call("PATCH", taller, body={"title": "Uno"}, headers={"If-Match": tag})
    assert changed[0] == 200, "somebody who joined changes nothing that a change is about"
    status, problem, _ = await call(
        "PATCH", taller, body={"title": "Dos"}, headers={"If-Match": tag}
    )
    assert (status, problem["code"]) == (412, "version.outdated")
    _, found, headers = await call("GET", taller)
    assert found["title"] == "Uno"
    for title, header in (("Dos", headers["Etag"]), ("Tres", "*")):
        now = await call("PATCH", taller, body={"title": title}, headers={"If-Match": header})
        assert (now[0], now[1]["title"]) == (200, title)
    now = (await call("GET", taller))[2]["Etag"]
    several = {"If-Match": f'"other", {now}'}
    assert (await call("PATCH", taller, body={"title": "Cuatro"}, headers=several))[0] == 200


async def test_a_clone_is_made_and_says_where(call, taller) -> None:
    status, made, headers = await call("POST", f"{taller}/clone", body={"first_day": "2030-03-04"})
    assert status == 201
    assert headers["Location"].endswith(f"/api/v1/{taller}-2")
    assert made["sessions"][0]["starts_at"] == "2030-03-04T11:00:00+00:00"
    assert len(made["invite"]["code"]) == 14
    for body in ({}, {"first_day": "soon"}, {"first_day": "2030-03-04", "seats": 3}):
        assert (await call("POST", f"{taller}/clone", body=body))[0] == 422


async def test_what_would_be_reserved_is_told_and_not_kept(call, world, taller) -> None:
    before = (await call("GET", taller))[1]
    session = {"starts_at": "2030-03-04T11:00:00Z", "ends_at": "2030-03-04T12:00:00Z"}
    new = {"title": "Mapas", "language": "es", "sessions": [session], "profile": "small"}
    for path, body in (("communities/andes", new), (taller, {"profile": "small"})):
        asked = {**body, "seats": 3, "reserved": True}
        status, told, _ = await call("POST", f"{path}/reservation", body=asked)
        assert (status, told["reserved"]["servers"]) == (200, 3)
        status, problem, _ = await call("POST", f"{path}/reservation", body={**asked, "seats": 4})
        assert (status, problem["code"]) == (409, "reservation.too_large")
        told = (await call("POST", f"{path}/reservation", body={**asked, "reserved": False}))[1]
        assert told == {"reserved": None}
        assert (await call("POST", f"{path}/reservation", body=asked, token="helper"))[0] == 403
    assert (await call("GET", taller))[1] == before
    assert len((await call("GET", "communities/andes/workshops"))[1]) == 1


async def test_attendance_as_json_and_as_a_table_that_no_spreadsheet_runs(
    call, service, world, taller
) -> None:
    request = JoinRequest(world.opened.learner_invite.code, "z", "=HYPERLINK(1)")
    username = world.house.call(redeem_invite, request).account.username
    status, found, _ = await call("GET", f"{taller}/attendance", token="helper")
    assert status == 200
    assert found == {
        "workshop": world.opened.workshop.slug,
        "people": [
            {
                "username": username,
                "display_name": "=HYPERLINK(1)",
                "role": "learner",
                "site": None,
                "joined_at": "2026-03-02T12:00:00+00:00",
                "first_start": None,
                "last_start": None,
                "server_time": 0,
            }
        ],
    }
    answer = await AsyncHTTPClient().fetch(
        f"{service}api/v1/{taller}/attendance?format=csv",
        headers={"Authorization": "token helper"},
    )
    assert answer.headers["Content-Disposition"].startswith("attachment")
    header, row = csv.reader(io.StringIO(answer.body.decode("utf-8-sig")))
    assert header[0] == "name"
    assert row[:2] == ["'=HYPERLINK(1)", username]
    assert row[4:] == ["2026-03-02T07:00-05:00", "", "", "0.00"]
    assert (await call("GET", f"{taller}/attendance?format=xml"))[1]["code"] == "usage.choice"


async def test_a_message_is_put_and_deleted(call, world, taller) -> None:
    assert (await call("GET", taller))[1]["message"] is None
    status, answer, _ = await call("PUT", f"{taller}/message", body={"message": " Sala B "})
    assert (status, answer) == (200, {"message": "Sala B"})
    assert (await call("GET", taller))[1]["message"] == "Sala B"
    assert (await call("PUT", f"{taller}/message", body={"message": "x" * 501}))[0] == 400
    assert (await call("DELETE", f"{taller}/message"))[0] == 204
    assert (await call("GET", taller))[1]["message"] is None


ALL = {
    "PATCH": ("", {"title": "Uno"}),
    "POST": ("/clone", {"first_day": "2030-03-04"}),
    "GET": ("/attendance", None),
    "PUT": ("/message", {"message": "Hola"}),
}
LOWEST = {"PATCH": "instructor", "POST": "instructor", "GET": "helper", "PUT": "helper"}


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("who", ["learner", "helper", "instructor", "operator", "bia"])
async def test_each_is_for_who_may(call, taller, method, who) -> None:
    path, body = ALL[method]
    status, answer, _ = await call(method, taller + path, token=who, body=body)
    if who == "bia":
        assert (status, answer["code"]) == (404, "not_found")
    elif who == "operator" or Role.from_label(who) >= Role.from_label(LOWEST[method]):
        assert status in (200, 201)
    else:
        assert (status, answer["code"]) == (403, "permission.denied")


async def test_a_closed_workshop_is_looked_at_and_not_changed(call, world, taller) -> None:
    ana = actor_of(world.house, "ana")
    world.house.call(close_workshop, ana, "andes", world.opened.workshop.slug)
    assert (await call("GET", taller))[0] == 200
    status, problem, _ = await call("PATCH", taller, body={"title": "Uno"})
    assert (status, problem["code"]) == (409, "workshop.closed")
