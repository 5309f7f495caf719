"""Training of trainers: a role is promised by a workshop, given person by person, and remembered.

Who promises must be able to give the role in the community, so the promise is the approval: an
instructor of one workshop, who may give nothing beyond it, gives what was promised there and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..domain.accounts import Account, Named
from ..domain.grants import Actor, Grant, Role, Source, Verb, may, require
from ..domain.names import same_name
from ..domain.notices import ROLE_GIVEN
from ..domain.paging import Page, Part, part_of_all
from ..domain.refusals import BatchTooLarge, NotFound, NothingPromised
from ..domain.training import Training, check_promise, is_due
from ..domain.workshops import Workshop
from .audit import record
from .communities import find_community
from .notices import notify
from .ports import Desk, Store
from .workshops import find_workshop

MOST_AT_ONCE = 200  # people: more would keep others waiting


@dataclass(frozen=True, slots=True)
class Trainee:
    """One person of a workshop, as whoever gives the promised role sees them."""

    account: Account
    held: Role | None  # at the community itself
    is_due: bool  # the promise would give them more
    given_at: datetime | None  # when this workshop gave them a role
    given_by: Account | None  # None also: erased, or the operator


@dataclass(frozen=True, slots=True)
class TrainingView:
    workshop: Workshop
    may_promise: bool
    people: Part[Trainee]  # by name
    joined: int  # how many there are in all


@dataclass(frozen=True, slots=True)
class Trained:
    """Who trained whom, with what is still known of them."""

    training: Training
    person: Account | None  # None: erased
    by: Account | None  # None: erased, or the operator
    title: str  # of the workshop
    language: str  # of the workshop


def promise_role(
    desk: Desk, actor: Actor, community: str, slug: str, role: Role | None
) -> Workshop:
    """What those get who complete the workshop; None: nothing any more. What was given stays. Raises
    `RoleTooHigh`."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        own = require(actor, Verb.PROMISE_ROLE, community)
        if role is not None:
            check_promise(own, role)
        if role != workshop.promised:
            store.workshops.set_promise(community, slug, role)
            record(
                desk,
                store,
                actor,
                Verb.PROMISE_ROLE,
                f"workshop/{community}/{slug}",
                community,
                before={"role": None if workshop.promised is None else workshop.promised.label},
                after={"role": None if role is None else role.label},
            )
        return find_workshop(store, actor, community, slug)


def view_training(
    desk: Desk, actor: Actor, community: str, slug: str, page: Page, matching: str = ""
) -> TrainingView:
    """Those who joined as learners or helpers and were not removed, without rehearsals. `matching` is
    a part of name or username."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.GIVE_PROMISED, community, slug)
        joined = _joined(desk, store, workshop)
        wanted = same_name(" ".join(matching.split()))
        sought = (
            one for one in joined if wanted in one.folded_name or wanted in one.username.lower()
        )
        part = part_of_all(sought, lambda one: (one.folded_name, one.username), page)
        people = _trainees(desk, store, workshop, part.entries)
        return TrainingView(
            workshop=workshop,
            may_promise=may(actor, Verb.PROMISE_ROLE, community),
            people=part.map(lambda one: people[one.username]),
            joined=len(joined),
        )


def give_promised(
    desk: Desk, actor: Actor, community: str, slug: str, usernames: Collection[str]
) -> Sequence[Account]:
    """Gives the promised role to these people of the workshop: to all or to none. Answers with those
    who did not have it; repeating it changes nothing. Raises `NothingPromised`, `BatchTooLarge` and
    `NotFound`."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.GIVE_PROMISED, community, slug)
        if workshop.promised is None:
            raise NothingPromised
        if not 0 < len(usernames) <= MOST_AT_ONCE:
            raise BatchTooLarge(most=MOST_AT_ONCE)
        asked = [one for one in _joined(desk, store, workshop) if one.username in usernames]
        people = _trainees(desk, store, workshop, asked)
        given = []
        for username in dict.fromkeys(usernames):
            person = people.get(username)
            if person is None:
                raise NotFound(kind="member")
            if person.is_due:
                _give(desk, store, actor, workshop, workshop.promised, person.account)
                given.append(person.account)
        return given


def list_trainings(desk: Desk, actor: Actor, community: str, page: Page) -> Part[Trained]:
    """Who trained whom in a community, newest first."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        require(actor, Verb.VIEW_MEMBERS, community)
        found = store.trainings.page(community, page)
        ids = {
            id for one in found.entries for id in (one.account_id, one.trained_by) if id is not None
        }
        accounts = store.accounts.names(ids)
        workshops = {one.slug: one for one in store.workshops.of_community(community)}
        return found.map(
            lambda one: Trained(
                training=one,
                person=accounts.get(one.account_id or ""),
                by=accounts.get(one.trained_by or ""),
                title=workshops[one.workshop].title,
                language=workshops[one.workshop].language,
            )
        )


def _joined(desk: Desk, store: Store, workshop: Workshop) -> list[Named]:
    """Learners and helpers, also those whose time is over."""
    here: dict[Named, int] = {}
    place = (workshop.community, workshop.slug)
    rehearsing = store.rehearsals.grant_ids(*place)
    for one in store.board.people(*place, desk.now):
        if not one.is_revoked and one.grant_id not in rehearsing:
            here[one.account] = max(one.role, here.get(one.account, one.role))
    return [account for account, role in here.items() if role < Role.INSTRUCTOR]


def _trainees(
    desk: Desk, store: Store, workshop: Workshop, joined: Sequence[Named]
) -> Mapping[str, Trainee]:
    """By username. As many statements however many they are."""
    community = workshop.community
    ids = [one.id for one in joined]
    held: dict[str, Role] = {}
    for grant in store.grants.of_people(community, ids, desk.now):
        if grant.workshop is None:
            held[grant.account_id] = max(grant.role, held.get(grant.account_id, grant.role))
    given = {
        one.account_id: one for one in store.trainings.of_workshop(community, workshop.slug, ids)
    }
    trainers = {one.trained_by for one in given.values() if one.trained_by is not None}
    accounts = store.accounts.names({*ids, *trainers})
    people = {}
    for one in joined:
        training = given.get(one.id)
        by = None if training is None else training.trained_by
        people[one.username] = Trainee(
            account=accounts[one.id],
            held=held.get(one.id),
            is_due=is_due(workshop.promised, held.get(one.id)),
            given_at=None if training is None else training.at,
            given_by=accounts.get(by or ""),
        )
    return people


def _give(
    desk: Desk, store: Store, actor: Actor, workshop: Workshop, role: Role, account: Account
) -> None:
    store.grants.add(
        Grant(
            id=desk.chance.identifier(),
            account_id=account.id,
            role=role,
            community=workshop.community,
            workshop=None,
            source=Source.TRAINING,
            made_by=actor.account_id,
            starts_at=desk.now,
        )
    )
    store.trainings.add(
        Training(
            id=desk.chance.identifier(),
            account_id=account.id,
            community=workshop.community,
            workshop=workshop.slug,
            role=role,
            trained_by=actor.account_id,
            at=desk.now,
        )
    )
    notify(desk, store, account.id, ROLE_GIVEN, role=role.label, workshop=workshop.title)
    record(
        desk,
        store,
        actor,
        Verb.GIVE_PROMISED,
        f"account/{account.id}",
        workshop.community,
        after={"role": role.label, "workshop": workshop.slug},
    )
