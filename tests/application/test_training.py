"""Training of trainers: promised by who may give the role, given person by person, remembered."""

from __future__ import annotations

import pytest
from houses import actor_of, open_taller

from jupyterhub_communities.application import erasure
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.members import remove_member, view_member
from jupyterhub_communities.application.news import news_of
from jupyterhub_communities.application.trail import view_trail
from jupyterhub_communities.application.training import (
    give_promised,
    list_trainings,
    promise_role,
    view_training,
)
from jupyterhub_communities.application.workshops import list_workshops
from jupyterhub_communities.domain.grants import Role, Source
from jupyterhub_communities.domain.paging import Page
from jupyterhub_communities.domain.refusals import (
    BatchTooLarge,
    NotFound,
    NothingPromised,
    PermissionDenied,
    RoleTooHigh,
)


@pytest.fixture
def taller(house):
    return open_taller(house)


def join(house, code: str, name: str) -> str:
    return house.call(redeem_invite, JoinRequest(code, f"attempt of {name}", name)).account.username


def staff(house, name: str, role: Role, workshop: str | None = None) -> str:
    wanted = NewInvite(role=role, workshop=workshop)
    issued = house.call(issue_invite, actor_of(house, "ana"), "andes", wanted)
    return join(house, issued.code, name)


def promise(house, taller, role: Role | None, by: str = "ana"):
    place = ("andes", taller.workshop.slug)
    return house.call(promise_role, actor_of(house, by), *place, role)


def give(house, taller, *usernames: str, by: str = "ana") -> list[str]:
    place = ("andes", taller.workshop.slug)
    given = house.call(give_promised, actor_of(house, by), *place, usernames)
    return [account.username for account in given]


def test_who_completes_the_workshop_gets_the_role_and_is_told(house, taller) -> None:
    luz, sol = (join(house, taller.learner_invite.code, name) for name in ("Luz", "Sol"))
    promise(house, taller, Role.INSTRUCTOR)
    assert give(house, taller, luz) == [luz]
    assert actor_of(house, luz).role_at("andes") is Role.INSTRUCTOR
    assert actor_of(house, sol).role_at("andes") is None
    (grant,) = [g for g in actor_of(house, luz).grants if g.workshop is None]
    assert grant.source is Source.TRAINING
    (notice,) = house.call(news_of, luz).notices
    assert notice.data == {"role": "instructor", "workshop": "Taller de Python"}


def test_it_is_remembered_who_trained_whom(house, taller) -> None:
    luz = join(house, taller.learner_invite.code, "Luz")
    teo = staff(house, "Teo", Role.INSTRUCTOR, taller.workshop.slug)
    promise(house, taller, Role.HELPER)
    give(house, taller, luz, by=teo)
    (one,) = house.call(list_trainings, actor_of(house, "ana"), "andes", Page()).entries
    assert (one.person.username, one.by.username) == (luz, teo)
    assert (one.training.role, one.title) == (Role.HELPER, "Taller de Python")
    (entry,) = [
        e
        for e in house.call(view_trail, actor_of(house, "ana"), "andes").entries
        if e.action == "training:give"
    ]
    assert dict(entry.after) == {"role": "helper", "workshop": taller.workshop.slug}
    with pytest.raises(PermissionDenied):
        house.call(list_trainings, actor_of(house, luz), "andes", Page())


def test_giving_twice_changes_nothing_and_more_than_was_held_is_left_alone(house, taller) -> None:
    luz = join(house, taller.learner_invite.code, "Luz")
    promise(house, taller, Role.HELPER)
    assert give(house, taller, luz, luz) == [luz]
    assert give(house, taller, luz) == []
    promise(house, taller, Role.INSTRUCTOR)
    assert give(house, taller, luz) == [luz], "a later promise is more"
    promise(house, taller, Role.HELPER)
    assert give(house, taller, luz) == []
    assert house.call(view_member, actor_of(house, "ana"), "andes", luz).role is Role.INSTRUCTOR


def test_nobody_chosen_is_a_refusal(house, taller) -> None:
    promise(house, taller, Role.HELPER)
    with pytest.raises(BatchTooLarge):
        give(house, taller)


def test_all_are_given_it_or_none(house, taller) -> None:
    luz = join(house, taller.learner_invite.code, "Luz")
    other = join(house, open_taller(house, title="Otro").learner_invite.code, "Sol")
    promise(house, taller, Role.HELPER)
    with pytest.raises(NotFound):
        give(house, taller, luz, other)
    assert actor_of(house, luz).role_at("andes") is None


def test_an_instructor_of_the_workshop_gives_what_was_promised_and_promises_nothing(
    house, taller
) -> None:
    luz = join(house, taller.learner_invite.code, "Luz")
    teo = staff(house, "Teo", Role.INSTRUCTOR, taller.workshop.slug)
    with pytest.raises(PermissionDenied):
        promise(house, taller, Role.HELPER, by=teo)
    with pytest.raises(NothingPromised):
        give(house, taller, luz, by=teo)
    promise(house, taller, Role.INSTRUCTOR)
    assert give(house, taller, luz, by=teo) == [luz]


def test_an_instructor_of_the_community_promises_and_nobody_promises_champions(
    house, taller
) -> None:
    ines = staff(house, "Inés", Role.INSTRUCTOR)
    assert promise(house, taller, Role.INSTRUCTOR, by=ines).promised is Role.INSTRUCTOR
    with pytest.raises(RoleTooHigh):
        promise(house, taller, Role.CHAMPION)
    assert promise(house, taller, None).promised is None
    (listed,) = house.call(list_workshops, actor_of(house, "ana"), "andes")
    assert listed.promised is None


def test_who_was_removed_or_teaches_there_is_not_among_them(house, taller) -> None:
    gone, luz = (join(house, taller.learner_invite.code, name) for name in ("Ido", "Luz"))
    staff(house, "Teo", Role.INSTRUCTOR, taller.workshop.slug)
    house.call(remove_member, actor_of(house, "ana"), "andes", gone)
    promise(house, taller, Role.HELPER)
    at = ("andes", taller.workshop.slug)
    view = house.call(view_training, actor_of(house, "ana"), *at, Page())
    assert [one.account.username for one in view.people.entries] == [luz]
    with pytest.raises(NotFound):
        give(house, taller, gone)


def test_after_an_erasure_it_is_known_that_somebody_was_trained_and_not_who(house, taller) -> None:
    luz = join(house, taller.learner_invite.code, "Luz")
    promise(house, taller, Role.HELPER)
    give(house, taller, luz)
    account = house.call(erasure.erase_me, luz, luz)
    house.call(erasure.finish_erasure, account.id)
    (one,) = house.call(list_trainings, actor_of(house, "ana"), "andes", Page()).entries
    assert one.person is one.training.account_id is None
    assert one.training.role is Role.HELPER
