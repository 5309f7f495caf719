"""Offers: made alike to anybody and nobody, and worth what their maker may give."""

from __future__ import annotations

from dataclasses import replace

import pytest
from houses import actor_of, andes, make_house, most_servers
from newcomers import joined
from sqlalchemy import text

from jupyterhub_communities.application import communities, erasure, members
from jupyterhub_communities.application import offers as verbs
from jupyterhub_communities.application.ending import resume_community, suspend_community
from jupyterhub_communities.domain.grants import Actor, Role, Source
from jupyterhub_communities.domain.offers import MOST_OFFERS
from jupyterhub_communities.domain.refusals import (
    NotFound,
    PermissionDenied,
    TooManyOffers,
    UsernameInvalid,
)

OPERATOR = Actor(account_id=None, is_operator=True)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()


def offer(house, username, role=Role.HELPER, by="ana"):
    return house.call(verbs.offer_role, actor_of(house, by), "andes", username, role)


def mine(house, username):
    return [one.offer.role for one in house.call(verbs.my_offers, username)]


def test_somebody_of_the_hub_accepts_and_is_in(house) -> None:
    made = offer(house, " bia ", Role.INSTRUCTOR)
    assert mine(house, "bia") == [Role.INSTRUCTOR]
    house.call(verbs.accept_offer, "bia", made.id)
    grants = [one for one in actor_of(house, "bia").grants if one.community == "andes"]
    assert [(one.role, one.source) for one in grants] == [(Role.INSTRUCTOR, Source.CHAMPION)]
    assert mine(house, "bia") == []
    with pytest.raises(NotFound):
        house.call(verbs.accept_offer, "bia", made.id)


def test_a_known_and_an_unknown_username_are_answered_alike(house) -> None:
    for username in ("bia", "nobody-of-this-name"):
        made = offer(house, username)
        assert (made.username, made.role) == (username, Role.HELPER)
    listed = house.call(verbs.list_offers, actor_of(house, "ana"), "andes")
    assert [one.username for one in listed] == ["bia", "nobody-of-this-name"]


def test_only_the_one_it_is_for_can_answer_an_offer(house) -> None:
    made = offer(house, "bia")
    luz = joined(house, Role.LEARNER, "Luz")
    for verb in (verbs.accept_offer, verbs.decline_offer):
        with pytest.raises(NotFound):
            house.call(verb, luz, made.id)
    house.call(verbs.decline_offer, "bia", made.id)
    assert actor_of(house, "bia").role_at("andes") is None
    assert house.call(verbs.list_offers, actor_of(house, "ana"), "andes") == []


def test_whoever_has_more_already_keeps_it(house) -> None:
    sol = joined(house, Role.INSTRUCTOR, "Sol")
    house.call(verbs.accept_offer, sol, offer(house, sol, Role.LEARNER).id)
    assert [one.role for one in actor_of(house, sol).grants] == [Role.INSTRUCTOR]


def test_an_offer_stands_thirty_days_and_a_later_one_takes_its_place(house) -> None:
    offer(house, "bia", Role.HELPER)
    house.clock.advance(days=29)
    later = offer(house, "bia", Role.LEARNER)
    assert mine(house, "bia") == [Role.LEARNER]
    house.clock.advance(days=30)
    assert mine(house, "bia") == []
    with pytest.raises(NotFound):
        house.call(verbs.accept_offer, "bia", later.id)


def test_what_a_former_champion_offered_is_worth_nothing(house) -> None:
    sol = joined(house, Role.CHAMPION, "Sol")
    made = offer(house, "bia", Role.CHAMPION, by=sol)
    house.call(members.set_role, actor_of(house, "ana"), "andes", sol, Role.INSTRUCTOR)
    assert mine(house, "bia") == []
    with pytest.raises(NotFound):
        house.call(verbs.accept_offer, "bia", made.id)


@pytest.mark.parametrize("own", [None, Role.LEARNER])
def test_what_an_operator_offers_holds_although_they_have_an_account_and_no_such_role(
    house, own
) -> None:
    """As one has who came in by a bound code, or once chose a language."""
    olga = joined(
        house, own or Role.LEARNER, "Olga", "andes" if own else "brasil", by="ana" if own else "bia"
    )
    operator = replace(actor_of(house, olga), is_operator=True)
    made = house.call(verbs.offer_role, operator, "andes", "bia", Role.CHAMPION)
    assert mine(house, "bia") == [Role.CHAMPION]
    house.call(verbs.accept_offer, "bia", made.id)
    assert actor_of(house, "bia").role_at("andes") is Role.CHAMPION


def test_what_a_champion_offered_who_is_also_an_operator_ends_with_the_role(house) -> None:
    sol = joined(house, Role.CHAMPION, "Sol")
    operator = replace(actor_of(house, sol), is_operator=True)
    house.call(verbs.offer_role, operator, "andes", "bia", Role.CHAMPION)
    assert mine(house, "bia") == [Role.CHAMPION]
    house.call(members.set_role, actor_of(house, "ana"), "andes", sol, Role.LEARNER)
    assert mine(house, "bia") == []


def test_a_suspended_community_takes_nobody_in(house) -> None:
    made = offer(house, "bia")
    house.call(suspend_community, OPERATOR, "andes", "mining")
    assert mine(house, "bia") == []
    with pytest.raises(NotFound):
        house.call(verbs.accept_offer, "bia", made.id)
    house.call(resume_community, OPERATOR, "andes")
    assert mine(house, "bia") == [Role.HELPER]


def test_only_champions_offer_and_withdraw_in_their_own_community(house) -> None:
    made = offer(house, "bia")
    sol = actor_of(house, joined(house, Role.INSTRUCTOR, "Sol"))
    for verb, more in (
        (verbs.offer_role, ("x", Role.LEARNER)),
        (verbs.list_offers, ()),
        (verbs.withdraw_offer, (made.id,)),
    ):
        with pytest.raises(PermissionDenied):
            house.call(verb, sol, "andes", *more)
    with pytest.raises(NotFound):
        house.call(verbs.withdraw_offer, actor_of(house, "bia"), "brasil", made.id)
    house.call(verbs.withdraw_offer, actor_of(house, "ana"), "andes", made.id)
    assert mine(house, "bia") == []


@pytest.mark.parametrize("username", ["", "  ", "x" * 256, "a/b", "a\x00b", "a\u202eb"])
def test_what_nobody_can_be_called_is_refused(house, username) -> None:
    with pytest.raises(UsernameInvalid):
        offer(house, username)


def test_offers_do_not_pile_up(house) -> None:
    for number in range(MOST_OFFERS):
        offer(house, f"p{number}")
    with pytest.raises(TooManyOffers):
        offer(house, "one-more")
    offer(house, "p0", Role.LEARNER)  # in place of its own
    house.clock.advance(days=31)
    offer(house, "one-more")
    with house.database.engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM role_offers")).scalar_one()
    assert left == 1, "those that nobody answered are gone"


def test_erasing_somebody_takes_what_they_were_offered_and_what_they_offered(house) -> None:
    sol = joined(house, Role.CHAMPION, "Sol")
    offer(house, "bia", Role.CHAMPION, by=sol)
    offer(house, sol, Role.LEARNER)
    assert "bia" not in repr(house.call(erasure.export_me, sol)["role_offers"])
    account = house.call(erasure.erase_me, sol, sol)
    house.call(erasure.finish_erasure, account.id)
    with house.database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM role_offers")).scalar_one() == 0


def test_the_file_is_applied_around_them(house) -> None:
    offer(house, "bia")
    house.call(communities.apply_declarations, (andes(servers=9),), most_servers(None))
    assert mine(house, "bia") == [Role.HELPER]
