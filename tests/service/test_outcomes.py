"""Training, questions and numbers, on their pages and in the API."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from houses import actor_of
from newcomers import add_people
from visiting import text_of

from jupyterhub_communities.application.feedback import give_feedback
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.training import give_promised, promise_role
from jupyterhub_communities.application.workshops import close_workshop
from jupyterhub_communities.domain.costs import Prices
from jupyterhub_communities.domain.feedback import Feedback, Followed
from jupyterhub_communities.domain.grants import Role


def join(world, name: str) -> str:
    """A learner of the workshop, whose token is their name."""
    request = JoinRequest(world.opened.learner_invite.code, f"attempt of {name}", name)
    username = world.house.call(redeem_invite, request).account.username
    world.tokens[name] = world.model(username)
    return username


def close(world) -> None:
    place = ("andes", world.opened.workshop.slug)
    world.house.call(close_workshop, actor_of(world.house, "ana"), *place)


def promise(world, role: Role) -> None:
    place = ("andes", world.opened.workshop.slug)
    world.house.call(promise_role, actor_of(world.house, "ana"), *place, role)


# Training


async def test_a_role_is_promised_and_given_on_the_page_and_the_hub_is_told(
    visit, world, taller
) -> None:
    luz, sol = join(world, "Luz"), join(world, "Sol")
    assert "promises nothing yet" in text_of(await visit(f"{taller}/training"))
    data = {"action": "promise", "role": "instructor"}
    assert (await visit(f"{taller}/training", data=data)).code == 303
    assert "becomes an instructor of the community" in text_of(await visit(taller, who="Luz"))
    page = await visit(f"{taller}/training")
    assert page.body.decode().count('type="checkbox"') == 2
    given = await visit(f"{taller}/training", data={"action": "give", "person": [luz]})
    assert given.code == 303
    assert "Given by ana" in text_of(await visit(f"{taller}/training"))
    assert luz in world.hub.groups
    assert sol not in world.hub.groups
    assert "Luz" in text_of(await visit("communities/andes/trainings"))
    home = text_of(await visit("", who="Luz"))
    assert "You completed the workshop Taller de Python and are an instructor" in home


async def test_many_who_completed_it_stand_on_pages_and_are_found(visit, world, taller) -> None:
    promise(world, Role.INSTRUCTOR)
    add_people(world.house, 120, workshop=world.opened.workshop.slug, names=120)
    boxes, path = [], f"{taller}/training"
    while path:
        page = html.unescape((await visit(path)).body.decode())
        boxes += re.findall(r'name="person" value="([^"]+)"', page)
        here = path
        more = re.search(r'rel="next" href="([?][^"]+)"', page)
        path = more and f"{taller}/training{more[1]}"
    assert len(boxes) == len(set(boxes)) == 120
    data = {"action": "give", "person": boxes[-2:]}
    given = await visit(here, data=data)
    assert given.headers["Location"].endswith(here.partition("?")[2]), "the same part of the list"
    found = (await visit(f"{taller}/training?q=rosa+101")).body.decode()
    assert re.findall("<bdi[^>]*>(Rosa[^<]*)", found) == ["Rosa 101"]
    assert "Nobody here has such a name." in text_of(await visit(f"{taller}/training?q=zzz"))
    add_trainings(world, boxes[:60])
    first = html.unescape((await visit("communities/andes/trainings")).body.decode())
    more = re.search(r'rel="next" href="([?][^"]+)"', first)[1]
    second = (await visit(f"communities/andes/trainings{more}")).body.decode()
    rows = [page.count('<td data-label="Name">') for page in (first, second)]
    assert rows == [50, 12]


def add_trainings(world, usernames) -> None:
    actor, at = actor_of(world.house, "ana"), ("andes", world.opened.workshop.slug)
    world.house.call(give_promised, actor, *at, usernames)


async def test_nobody_chosen_who_is_not_there_loses_the_other_boxes(visit, world, taller) -> None:
    luz = join(world, "Luz")
    promise(world, Role.HELPER)
    data = {"action": "give", "person": [luz, "nobody"]}
    page = await visit(f"{taller}/training", data=data)
    assert page.code == 404
    assert "Nobody of that name belongs to this community." in text_of(page)
    assert re.search(rf'value="{luz}" checked', page.body.decode())
    assert actor_of(world.house, luz).role_at("andes") is None


async def test_training_in_the_api(call, world) -> None:
    luz = join(world, "Luz")
    at = f"communities/andes/workshops/{world.opened.workshop.slug}"
    status, refused, _ = await call("POST", f"{at}/training", body={"usernames": [luz]})
    assert (status, refused["code"]) == (409, "workshop.no_promise")
    status, workshop, _ = await call("PUT", f"{at}/promise", body={"role": "helper"})
    assert (status, workshop["promised"]) == (200, "helper")
    status, given, _ = await call("POST", f"{at}/training", body={"usernames": [luz]})
    assert (status, given) == (200, {"given": [luz]})
    _, people, _ = await call("GET", f"{at}/training")
    mine = {one["username"]: one for one in people}[luz]
    assert (mine["role"], mine["due"], mine["given_by"]) == ("helper", False, "ana")
    _, trained, _ = await call("GET", "communities/andes/trainings")
    assert [(one["username"], one["trained_by"]) for one in trained] == [(luz, "ana")]
    assert (await call("DELETE", f"{at}/promise"))[0] == 204
    assert (await call("PUT", f"{at}/promise", body={"role": "champion"}))[0] == 422


# Questions


async def test_a_learner_answers_once_and_is_thanked(visit, world, taller) -> None:
    join(world, "Luz")
    close(world)
    home = await visit("", who="Luz", language="es")
    assert "¿Qué tal fue el taller Taller de Python?" in text_of(home)
    assert f"{taller}/questions" in home.body.decode()
    page = text_of(await visit(f"{taller}/questions", who="Luz"))
    assert "nobody can give them back to you, change or erase them later" in page
    data = {"useful": "4", "followed": "partly", "missing": "Más tiempo"}
    assert (await visit(f"{taller}/questions", who="Luz", data=data)).code == 303
    assert (await visit(f"{taller}/questions", who="Luz", data=data)).code == 303, "sent twice"
    assert "Thank you." in text_of(await visit(f"{taller}/questions", who="Luz"))
    assert "questions" not in (await visit("", who="Luz")).body.decode()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"useful": "6", "followed": "no"}, 'id="useful_error"'),
        ({"useful": "", "followed": "no"}, 'id="useful_error"'),
        ({"useful": "3", "followed": "perhaps"}, 'id="followed_error"'),
        ({"useful": "3", "followed": "no", "missing": "x" * 501}, 'id="missing_error"'),
    ],
)
async def test_what_is_wrong_is_said_at_its_question_and_nothing_is_lost(
    visit, world, taller, data, error
) -> None:
    join(world, "Luz")
    close(world)
    page = await visit(f"{taller}/questions", who="Luz", data={"missing": "Más café", **data})
    assert page.code == 400
    assert error in page.body.decode()
    assert (data.get("missing") or "Más café") in page.body.decode()
    assert text_of(await visit(f"{taller}/questions", who="Luz")).count("Thank you") == 0


async def test_questions_and_answers_in_the_api(call, world) -> None:
    people = [join(world, f"Persona {n}") for n in range(6)]
    at = f"communities/andes/workshops/{world.opened.workshop.slug}"
    body = {"useful": 5, "followed": "yes", "missing": ""}
    status, early, _ = await call("POST", f"{at}/questions", token="Persona 0", body=body)
    assert (status, early["code"]) == (409, "feedback.closed")
    close(world)
    for token in (f"Persona {n}" for n in range(len(people))):
        assert (await call("POST", f"{at}/questions", token=token, body=body))[0] == 204
    status, again, _ = await call("POST", f"{at}/questions", token="Persona 0", body=body)
    assert (status, again["code"]) == (409, "feedback.given")
    _, mine, _ = await call("GET", f"{at}/questions", token="Persona 0")
    assert mine["state"] == "answered"
    assert (await call("POST", f"{at}/questions", token="helper", body=body))[0] == 403
    _, found, _ = await call("GET", f"{at}/feedback", token="helper")
    assert (found["told"], found["answers"], found["useful"]["5"]) == (True, 6, 6)
    assert (await call("GET", f"{at}/feedback", token="Persona 0"))[0] == 403


async def test_a_repeated_answer_cannot_be_bought_with_a_key_that_keeps_it(call, world) -> None:
    join(world, "Luz")
    close(world)
    at = f"communities/andes/workshops/{world.opened.workshop.slug}/questions"
    body = {"useful": 1, "followed": "no"}
    key = {"Idempotency-Key": "mine"}
    assert (await call("POST", at, token="Luz", body=body, headers=key))[0] == 204
    with world.house.database.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM kept_answers").scalar_one()
    assert kept == 0, "its digest would tell which answer it was"


async def test_answers_are_shown_together_in_the_readers_language(visit, world, taller) -> None:
    names = [f"Persona {n}" for n in range(7)]
    usernames = [join(world, name) for name in names]
    close(world)
    waiting = text_of(await visit(f"{taller}/feedback", language="es"))
    assert "Las respuestas se muestran cuando" in waiting
    place = ("andes", world.opened.workshop.slug)
    for number, username in enumerate(usernames):
        said = Feedback(5 if number < 6 else 1, Followed.YES, f"<b>Texto {number}</b>")
        world.house.call(give_feedback, actor_of(world.house, username), *place, said)
    page = await visit(f"{taller}/feedback", language="es")
    text = text_of(page)
    assert "Respondieron 7 personas." in text
    assert "5 – muy útil 6" in text
    assert "1 – nada útil No se muestra: muy pocas" in text
    assert page.body.decode().count("&lt;b&gt;Texto") == 7
    assert not any(name in text for name in names)


async def test_many_texts_stand_on_pages_of_fifty(visit, world, taller) -> None:
    place = ("andes", world.opened.workshop.slug)
    close(world)
    with world.house.database.write() as store:
        for number in range(60):
            said = Feedback(5, Followed.YES, f"Texto {number}")
            store.answered.add(f"{number:032x}", *place, said)
        store.answered.set_told(*place)
    text = text_of(await visit(f"{taller}/feedback"))
    assert ("Texts 1 to 50 of 60" in text, text.count("Texto")) == (True, 50)
    text = text_of(await visit(f"{taller}/feedback?from=51"))
    assert ("Texts 51 to 60 of 60" in text, text.count("Texto")) == (True, 10)
    for odd in ("9" * 40, "-1", "x", "0"):
        assert (await visit(f"{taller}/feedback?from={odd}")).code == 200


# Numbers


async def test_numbers_as_page_json_and_csv(visit, call, world) -> None:
    world.house.settings = replace(
        world.house.settings, prices=Prices("PEN", server=Decimal("0.5"))
    )
    for number in range(5):
        join(world, f"Persona {number}")
    page = text_of(await visit("communities/andes/numbers", language="es"))
    assert "Talleres realizados 1 Personas que participaron 5" in page
    assert "Países 1 ( Perú )" in page
    _, found, _ = await call("GET", "communities/andes/numbers?days=30")
    assert (found["workshops"], found["people"], found["countries"]) == (1, 5, {"PE": 1})
    assert found["cost"] == {"amount": "0.00", "currency": "PEN"}
    answer = await visit("api/v1/communities/andes/numbers?format=csv")
    rows = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"))))
    assert rows[0] == ["number", "of", "value"]
    assert ["people", "", "5"] in rows
    assert ["workshops", "country PE", "1"] in rows
    wrong = await visit("communities/andes/numbers?from=2026-05-01&to=2026-04-01")
    assert wrong.code == 400
    assert "The first day must not be after the last one." in text_of(wrong)


async def test_the_report_names_nobody_and_hides_small_numbers(visit, world) -> None:
    for name in ("Luz", "Sol"):
        join(world, name)
    page = await visit("communities/andes/report?language=ar", language="es")
    sheet = page.body.decode().partition('<article class="report"')[2]
    assert 'lang="ar" dir="rtl"' in sheet[:80]
    assert "أقل من 5 أشخاص" in sheet
    assert "Taller de Python" in sheet
    assert "Luz" not in sheet
    assert "Informe para imprimir" in text_of(page), "around it the reader's own language"
    for number in range(3):
        join(world, f"Persona {number}")
    whole = text_of(await visit("communities/andes/report"))
    assert "People who took part 5" in whole
    assert "New instructors from workshops Fewer than 5 people" in whole


async def test_a_site_has_a_country_of_its_own_or_that_of_its_zone(
    visit, call, world, taller
) -> None:
    at = f"communities/andes/workshops/{world.opened.workshop.slug}/sites"
    site = {"name": "Aula", "zone": "America/Lima"}
    assert (await call("POST", at, body=site))[1]["country"] == "PE"
    assert (await call("POST", at, body={**site, "country": "bo"}))[1]["country"] == "BO"
    status, refused, _ = await call("POST", at, body={**site, "country": "XX"})
    assert (status, refused["code"]) == (400, "country.unknown")
    data = {
        "action": "site",
        "site_name": "Sala",
        "site_zone": "America/Lima",
        "site_country": "ec",
    }
    assert (await visit(f"{taller}/codes", data=data)).code == 303
    _, found, _ = await call("GET", "communities/andes/numbers")
    assert found["countries"] == {"PE": 1, "BO": 1, "EC": 1}
