"""A list of 10,000 names: uploaded, printed, taken along, given away, and never in anybody's way."""

from __future__ import annotations

import asyncio
import re

import pytest
from houses import actor_of
from sql_statements import counted
from visiting import Visitor, text_of

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import InviteChange, change_invite, list_invites
from jupyterhub_communities.domain.refusals import InviteRevoked

MANY = 10_000
MOST_BYTES = 100_000
BATCHES = "communities/andes/batches"


@pytest.fixture
def visit(service):
    return Visitor(service)


def names(count: int = MANY) -> list[str]:
    return [f"Ñusta Quispe {number:05}" for number in range(1, count + 1)]


def form(rows: list[str]) -> dict:
    """With a file such as a spreadsheet writes, which has more of each person."""
    boundary = "----form"
    fields = {"action": "batch", "role": "learner", "names": ""}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = "\n".join(["id,nombre,correo,curso", *rows])
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="names_file"; filename="n.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{file}\r\n--{boundary}--\r\n"
    )
    return {
        "body": "".join(parts).encode("utf-8"),
        "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    }


def rows(people: list[str]) -> list[str]:
    more = "apellido.apellido@universidad.example.org,Introducción a los datos abiertos con Python"
    return [f"{number},{name},{number}.{more}" for number, name in enumerate(people, 1)]


def seats(world) -> int | None:
    invites = world.house.call(list_invites, actor_of(world.house, "ana"), "andes")
    own = world.opened.learner_invite.invite.id
    return next(invite.seats for invite in invites if invite.id == own)


async def test_ten_thousand_are_uploaded_after_three_were_mended(visit, world, taller) -> None:
    ana = actor_of(world.house, "ana")
    before = world.house.call(list_invites, ana, "andes")
    people = names()
    people[4], people[5_000], people[-1] = "\u202eraro", "x" * 81, "…"
    refused = await visit(f"{taller}/codes", **form(rows(people)))
    assert refused.code == 400
    assert "lines 6, 5,002, and 10,001 cannot be used" in text_of(refused)  # as the file has them
    assert world.house.call(list_invites, ana, "andes") == before, "nothing is half-done"

    upload = form(rows(names()))
    assert len(upload["body"]) > 1_000_000
    made = await visit(f"{taller}/codes", **upload)
    assert made.code == 303, text_of(made)
    page = made.headers["Location"].removeprefix("/services/communities/")
    with counted(world.house) as statements:
        slips = await visit(page)
    assert len(statements) < 20, statements
    assert "Slips 1 to 40 of 10,000" in text_of(slips)
    assert "10,000 codes are not claimed yet" in text_of(slips)
    last = await visit(f"{page}?from=9981")
    assert last.body.decode().count('class="slip"') == 20
    assert "Ñusta Quispe 10000" in text_of(last)

    table = (await visit(f"{page}/csv")).body.decode("utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in table[1:]] == names()
    codes = [row.split(",")[1] for row in table[1:]]
    assert len(set(codes)) == MANY
    world.house.call(redeem_invite, JoinRequest(codes[7], "a", "Ñusta Quispe 00008"))

    with counted(world.house) as statements:
        listed = await visit(f"{taller}/codes")
    assert "1 of 10,000 claimed" in text_of(listed)
    assert len(listed.body) < MOST_BYTES
    assert len(statements) < 20, statements

    had = seats(world)
    assert (await visit(page, data={})).code == 303
    assert "0 codes are not claimed yet" in text_of(await visit(page))
    assert seats(world) == had + MANY - 1, "they are the workshop's own now"
    with pytest.raises(InviteRevoked):
        world.house.call(redeem_invite, JoinRequest(codes[8], "b", "Ñusta Quispe 00009"))
    world.house.call(redeem_invite, JoinRequest(codes[7], "a", "Ñusta Quispe 00008"))  # is in


async def test_a_code_with_more_seats_than_one_may_type_is_changed_in_other_things(
    visit, world, taller
) -> None:
    made = await visit(f"{taller}/codes", **form(rows(names(1_200))))
    await visit(made.headers["Location"].removeprefix("/services/communities/"), data={})
    own = world.opened.learner_invite.invite.id
    page = f"communities/andes/codes/{own}"
    assert seats(world) == 1_210

    async def drawn() -> dict[str, str]:
        html = (await visit(page)).body.decode()
        return dict(re.findall(r'name="(seats|version)"[^>]*value="([^"]+)"', html))

    typed = {"action": "change", "by_hand": "1"}
    assert (await visit(page, data={**typed, **await drawn()})).code == 303
    assert (await visit(page, data={**typed, **await drawn(), "seats": "1211"})).code == 400
    ana = actor_of(world.house, "ana")
    kept = world.house.call(change_invite, ana, "andes", own, InviteChange(is_by_hand=False))
    assert (kept.seats, kept.is_by_hand) == (1_210, False)


async def test_the_api_makes_ten_thousand_and_gives_them_by_pages(call, world) -> None:
    key = {"Idempotency-Key": "a-list"}
    status, made, headers = await call("POST", BATCHES, body={"names": names()}, headers=key)
    assert (status, len(made)) == (201, 100)
    place = headers["Location"].partition("/api/v1/")[2]
    found, link = made, headers["Link"]
    while link is not None:
        path = re.fullmatch(r'<.*?/api/v1/(.*)>; rel="next"', link)[1]
        with counted(world.house) as statements:
            _, page, more = await call("GET", path.replace("limit=100", "limit=200"))
        assert len(page) <= 200
        assert len(statements) < 15, statements
        found, link = found + page, more.get("Link")
    assert [one["name"] for one in found] == names()
    assert len({one["code"] for one in found}) == MANY

    again = await call("POST", BATCHES, body={"names": names()}, headers=key)
    assert (again[0], again[1], again[2]["Link"]) == (201, made, headers["Link"])
    ana = actor_of(world.house, "ana")
    batches = {one.batch for one in world.house.call(list_invites, ana, "andes")}
    assert len(batches - {None}) == 1, "sent twice, done once"

    _, revoked, _ = await call("POST", f"communities/andes/invites/{found[0]['id']}/revoke")
    assert revoked["revoked_at"]
    assert (await call("GET", f"{place}?limit=1"))[1] == [found[1]]
    assert (await call("POST", f"{place}/release"))[1] == {"released": MANY - 1}
    assert (await call("GET", place))[1] == []


async def test_one_name_more_is_refused(call) -> None:
    status, problem, _ = await call("POST", BATCHES, body={"names": names(MANY + 1)})
    assert (status, problem["code"]) == (422, "body.invalid")


async def test_nothing_is_drawn_for_who_may_not_issue_or_was_answered(
    call, world, monkeypatch
) -> None:
    key = {"Idempotency-Key": "once"}
    made = await call("POST", BATCHES, body={"names": ["Luz"]}, headers=key)
    drawn = []
    monkeypatch.setattr(world.house, "compute", lambda *asked: drawn.append(asked))
    status, _, _ = await call("POST", BATCHES, body={"names": names()}, token="helper")
    assert status == 403
    assert (await call("POST", BATCHES, body={"names": ["Luz"]}, headers=key))[1] == made[1]
    assert drawn == []


@pytest.mark.alone
async def test_others_are_answered_meanwhile(call, world) -> None:
    making = asyncio.create_task(call("POST", BATCHES, body={"names": names()}))
    loop, waited = asyncio.get_running_loop(), []
    while not making.done():
        before = loop.time()
        assert (await call("PATCH", "me", body={"language": "es"}))[0] == 200
        waited.append(loop.time() - before)
    assert (await making)[0] == 201
    assert max(waited) < 1.5, "somebody else's change, while the list is written"
    assert sum(waited) / len(waited) < 0.12, (
        "and while its codes are drawn: 0.24 s before it gave way"
    )
