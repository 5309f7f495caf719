"""A community's numbers for some time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from houses import actor_of, make_house, open_taller
from sql_statements import counted

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit, settle_server
from jupyterhub_communities.application.numbers import view_numbers
from jupyterhub_communities.application.rehearsals import begin_rehearsal
from jupyterhub_communities.application.training import (
    give_promised,
    promise_role,
    view_training,
)
from jupyterhub_communities.application.usage import last_days
from jupyterhub_communities.application.workshops import add_site
from jupyterhub_communities.domain.costs import Prices
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.paging import Page
from jupyterhub_communities.domain.refusals import NotFound, PermissionDenied


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(tmp_path, clock=clock)
    house.settings = replace(house.settings, prices=Prices("USD", server=Decimal("0.25")))
    yield house
    house.close()


def join(house, opened, name: str) -> str:
    request = JoinRequest(opened.learner_invite.code, f"{opened.workshop.slug} {name}", name)
    return house.call(redeem_invite, request).account.username


def numbers(house, days: int = 30, by: str = "ana"):
    period = last_days(house.clock.now(), days)
    return house.call(view_numbers, actor_of(house, by), "andes", period)


def test_what_a_community_did_in_some_time(house, clock) -> None:
    ana = actor_of(house, "ana")
    taller = open_taller(house)
    for name, zone, country in (("Aula 1", "America/Lima", None), ("Sala", "UTC", "bo")):
        place = ("andes", taller.workshop.slug)
        house.call(add_site, ana, *place, name=name, zone=zone, country=country)
    other = open_taller(house, title="Mapas", language="qu")
    later = open_taller(house, title="Pronto", starts_in=timedelta(days=2))
    luz = join(house, taller, "Luz")
    for opened, name in ((other, "Sol"), (later, "Mar")):
        join(house, opened, name)
    house.call(promise_role, ana, "andes", taller.workshop.slug, Role.INSTRUCTOR)
    house.call(give_promised, ana, "andes", taller.workshop.slug, [luz])
    house.call(admit, StartRequest("1" * 32, ServerKey(luz)))
    clock.advance(hours=4)
    house.call(settle_server, ServerKey(luz))
    found = numbers(house)
    assert {one.title for one in found.workshops} == {"Taller de Python", "Mapas"}
    assert (found.people, found.sites) == (2, 2)
    assert found.countries == {"PE": 2, "BO": 1}
    assert found.languages == {"es": 1, "qu": 1}
    assert found.taught == timedelta(hours=6)
    assert found.server_time == timedelta(hours=4)
    assert (found.instructors, found.helpers) == (1, 0)
    assert (found.cost.amount, found.cost.currency) == (Decimal(1), "USD")
    clock.advance(days=40)
    past = numbers(house)
    assert [one.title for one in past.workshops] == []
    assert (past.people, past.instructors, past.server_time) == (0, 0, timedelta())
    assert len(numbers(house, 90).workshops) == 3, "what was to come has come"


def test_a_rehearsal_that_ended_by_itself_counts_nobody(house, clock) -> None:
    ana, taller = actor_of(house, "ana"), open_taller(house)
    place = ("andes", taller.workshop.slug)
    code = house.call(begin_rehearsal, ana, *place).issued.code
    staff = house.call(redeem_invite, JoinRequest(code, "rehearsal", "Prueba")).account.username
    luz = join(house, taller, "Luz")
    house.call(promise_role, ana, *place, Role.HELPER)
    given = [
        one.account.username
        for one in house.call(view_training, ana, *place, Page()).people.entries
    ]
    assert given == [luz], "nor is a role given for it"
    with pytest.raises(NotFound):
        house.call(give_promised, ana, *place, [staff])
    clock.advance(days=2)
    assert numbers(house).people == 1


def test_instructors_see_the_numbers_and_learners_do_not(house) -> None:
    luz = join(house, open_taller(house), "Luz")
    with pytest.raises(PermissionDenied):
        numbers(house, by=luz)


def test_as_many_statements_for_twenty_workshops_as_for_two(house) -> None:
    def many(number: int) -> int:
        for at in range(number):
            open_taller(house, title=f"Taller {number} {at}")
        with counted(house) as statements:
            numbers(house)
        return len(statements)

    assert many(2) == many(18)
