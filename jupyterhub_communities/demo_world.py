"""The demo's small world: made once, with the verbs that people use."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .application.communities import Declaration
from .application.house import House
from .application.invites import IssuedInvite, JoinRequest, redeem_invite
from .application.issuing import (
    NewInvite,
    issue_bound_invite,
    issue_invite,
    list_invites,
    show_invite,
)
from .application.people import find_person
from .application.return_keys import confirm_return_key, find_person_by_key, show_return_key
from .application.workshops import NewWorkshop, list_workshops, open_workshop, view_workshop
from .domain.grants import Actor, Role
from .domain.refusals import KeyUnknown
from .domain.workshops import Session

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class DemoWorkshop:
    community: str
    title: str
    language: str
    zone: str
    servers: int | None = None


WORKSHOPS = (
    DemoWorkshop("andes", "Primeros pasos con Python", "es", "America/Lima"),
    DemoWorkshop("cerrado", "Primeiros passos com Python", "pt-BR", "America/Sao_Paulo"),
    DemoWorkshop("bonde", "First steps with Python", "en", "Africa/Nairobi"),
    DemoWorkshop("bonde", "Hatua za kwanza na Python", "sw", "Africa/Dar_es_Salaam", 2),
    DemoWorkshop("sahel", "Premiers pas avec Python", "fr", "Africa/Dakar"),
    DemoWorkshop("nilein", "الخطوات الأولى مع Python", "ar", "Africa/Khartoum"),
)
INSTRUCTORS = (
    ("andes", "Inti Quispe"),
    ("cerrado", "Iara Souza"),
    ("bonde", "Neema Mushi"),
    ("sahel", "Moussa Diop"),
    ("nilein", "أمل الطيب"),
)


@dataclass(frozen=True, slots=True)
class DemoInvite:
    community: str
    workshop: str | None
    role: str
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class World:
    champions: tuple[tuple[str, str], ...]  # community, username
    invites: tuple[DemoInvite, ...]


def make_world(house: House, facts: dict[str, Any], declared: Iterable[Declaration]) -> World:
    """Makes what is missing, and says what there is. `facts` keeps the return keys."""
    declared = tuple(declared)
    keys = facts.setdefault("return_keys", {})
    ensure_key(house, keys, OPERATOR)
    champions = [(d.community.slug, name) for d in declared for name in d.champions]
    for _, username in champions:
        ensure_key(house, keys, username)
    actors = {slug: house.call(find_person, name).actor() for slug, name in champions}
    invites = [
        DemoInvite(w.community, slug, "learner", w.language, code)
        for w in WORKSHOPS
        for slug, code in [ensure_workshop(house, actors[w.community], w)]
    ]
    for community, name in INSTRUCTORS:
        issued = ensure_instructor(house, actors[community], community, name)
        language = next(d.community.language for d in declared if d.community.slug == community)
        invites.append(DemoInvite(community, None, "instructor", language, issued.code))
    return World(tuple(champions), tuple(invites))


def ensure_key(house: House, keys: dict[str, str], username: str) -> None:
    """A kept return key for a Hub username, the one from last time while it works."""
    if username in keys:
        try:
            house.call(find_person_by_key, keys[username])
            return
        except KeyUnknown:
            pass
    issued = house.call(issue_bound_invite, username)
    request = JoinRequest(issued.code, attempt=secrets.token_urlsafe(16), name=username)
    account = house.call(redeem_invite, request).account
    key = house.call(show_return_key, account.id)
    assert key is not None
    house.call(confirm_return_key, account.id)
    keys[username] = key


def ensure_workshop(house: House, champion: Actor, wanted: DemoWorkshop) -> tuple[str, str]:
    """The slug and learner code of the workshop, opened afresh when it has ended."""
    now = house.clock.now()
    for workshop in house.call(list_workshops, champion, wanted.community):
        if workshop.title == wanted.title and not workshop.state(now).is_over:
            view = house.call(view_workshop, champion, wanted.community, workshop.slug)
            if view.learner_invite is not None:
                return workshop.slug, view.learner_invite.code
    opened = house.call(
        open_workshop,
        champion,
        wanted.community,
        NewWorkshop(
            title=wanted.title,
            language=wanted.language,
            zone=wanted.zone,
            sessions=sessions_around(now),
            seats=30,
            profile="small",
            servers=wanted.servers,
        ),
    )
    return opened.workshop.slug, opened.learner_invite.code


def sessions_around(now: datetime) -> tuple[Session, ...]:
    """Today from the last full hour for eight hours, and the same tomorrow."""
    start = now.replace(minute=0, second=0, microsecond=0)
    return tuple(
        Session(start + timedelta(days=day), start + timedelta(days=day, hours=8))
        for day in range(2)
    )


def ensure_instructor(house: House, champion: Actor, community: str, name: str) -> IssuedInvite:
    """The community's instructor code, and one instructor who came in with it."""
    for invite in house.call(list_invites, champion, community):
        limits = (invite.workshop, invite.seats, invite.opens_at, invite.closes_at)
        is_own = invite.role is Role.INSTRUCTOR and limits == (None,) * 4  # not one of a champion's
        if is_own and invite.revoked_at is None:
            return house.call(show_invite, champion, community, invite.id)
    issued = house.call(issue_invite, champion, community, NewInvite(role=Role.INSTRUCTOR))
    request = JoinRequest(issued.code, attempt=secrets.token_urlsafe(16), name=name)
    house.call(redeem_invite, request)
    return issued
