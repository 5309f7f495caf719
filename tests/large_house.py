"""A community of any size, for what its pages cost: people, workshops, sites, usage and its trail."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta

from houses import NOON, actor_of, issue_names, open_taller
from sqlalchemy import insert

from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.names import same_name
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.storage.tables import accounts, audit, grants, sites, usage

_NAMES = ("Ñusta", "Juan Carlos", "李雷", "Amina", "José María", "Wanjiru", "فاطمة", "Zoé")
_FAMILIES = ("Quispe Mamani", "Ouédraogo", "da Silva", "Kamau", "Condori", "Haddad")


@dataclass(frozen=True)
class Size:
    members: int
    workshops: int
    sites: int
    usage: int  # rows
    entries: int  # of the trail
    names: int  # of a list of personal codes


SMALL = Size(members=20, workshops=2, sites=2, usage=100, entries=60, names=4)
LARGE = Size(members=2_000, workshops=200, sites=50, usage=10_000, entries=5_000, names=300)


@dataclass(frozen=True)
class Filled:
    """What has an address of its own."""

    workshop: str  # with half of the people, the sites and the list
    invite: str
    batch: str


def fill(house: House, size: Size) -> Filled:
    """Adds all of it to the community `andes`."""
    opened = open_taller(house, seats=None)
    slugs = [opened.workshop.slug]
    for number in range(1, size.workshops):
        slugs.append(open_taller(house, title=f"Taller de mapas {number}").workshop.slug)
    champion = actor_of(house, "ana")
    wanted = NewInvite(workshop=slugs[0])
    batch = issue_names(house, champion, "andes", _names(size.names), wanted)
    ids = [f"{size.members:08x}{number:024x}" for number in range(size.members)]
    with house.database.engine.begin() as connection:
        connection.execute(insert(accounts), _people(ids))
        connection.execute(insert(grants), _grants(ids, slugs))
        connection.execute(
            insert(sites),
            [
                {"community": "andes", "workshop": slugs[0], "slug": f"sede-{number}"}
                | {"name": f"Sede {number}", "zone": "Africa/Nairobi"}
                for number in range(size.sites)
            ],
        )
        connection.execute(insert(usage), _usage(ids, slugs, size.usage))
        connection.execute(insert(audit), _entries(ids, slugs, size.entries))
    return Filled(slugs[0], opened.learner_invite.invite.id, batch.id)


def pages_of(filled: Filled) -> dict[str, str]:
    """Path → who looks. The list of people has a test of its own."""
    workshop = f"communities/andes/workshops/{filled.workshop}"
    champions = [
        "",
        "me",
        "communities/andes/codes",
        "communities/andes/keys",
        "communities/andes/quota",
        "communities/andes/held.svg?resource=servers&days=7",
        "communities/andes/audit",
        "communities/andes/audit?action=workshop:change",
        "communities/andes/workshops/new",
        f"communities/andes/codes/{filled.invite}",
        f"communities/andes/batches/{filled.batch}",
        workshop,
        f"{workshop}/people",
        f"{workshop}/codes",
        f"{workshop}/keys",
        f"{workshop}/quota",
        f"{workshop}/projector",
        f"{workshop}/handouts",
        f"{workshop}/handouts?kind=slips",
        f"{workshop}/change",
        f"{workshop}/clone",
        f"{workshop}/close",
    ]
    return {
        **dict.fromkeys(champions, "champion"),
        **dict.fromkeys(("hub", "hub/quota", "hub/audit"), "operator"),
    }


def _names(count: int) -> list[str]:
    pairs = itertools.cycle(itertools.product(_NAMES, _FAMILIES))
    return [f"{name} {family} {n}" for n, (name, family) in zip(range(count), pairs, strict=False)]


def _people(ids: list[str]) -> list[dict[str, object]]:
    return [
        {
            "id": one,
            "username": f"persona-{int(one, 16) * 7919 % 10**6:06d}-{len(ids)}-{number}",
            "display_name": name,
            "folded_name": same_name(name),
            "kind": "invite",
            "created_at": NOON - timedelta(days=3),
        }
        for number, (one, name) in enumerate(zip(ids, _names(len(ids)), strict=True))
    ]


def _grants(ids: list[str], slugs: list[str]) -> list[dict[str, object]]:
    """Half of the people are of the first workshop."""
    return [
        {
            "id": one,
            "account_id": one,
            "role": int(Role.LEARNER),
            "community": "andes",
            "workshop": slugs[0] if number % 2 else slugs[number % len(slugs)],
            "source": "invite",
            "starts_at": NOON - timedelta(days=2, seconds=number),
        }
        for number, one in enumerate(ids)
    ]


def _usage(ids: list[str], slugs: list[str], count: int) -> list[dict[str, object]]:
    return [
        {
            "hour": NOON - timedelta(hours=1 + number // len(ids)),
            "scope": Scope("andes", slugs[number % len(slugs)]).key,
            "account_id": ids[number % len(ids)],
            "profile": "small",
            "gpu_kind": "",
            "server_time": 3600,
            "cpu_time": 1_800_000,
            "memory_time": 1_800_000,
            "gpu_time": 0,
        }
        for number in range(count)
    ]


def _entries(ids: list[str], slugs: list[str], count: int) -> list[dict[str, object]]:
    kinds = itertools.cycle(("workshop:change", "member:role", "invite:revoke"))
    return [
        {
            "at": NOON - timedelta(minutes=count - number),
            "actor": ids[number % len(ids)],
            "action": kind,
            "subject": f"workshop/andes/{slugs[number % len(slugs)]}"
            if kind.startswith("workshop")
            else f"account/{ids[number * 7 % len(ids)]}",
            "community": "andes",
            "before": {"title": "Mapas"},
            "after": {"title": f"Mapas {number}"},
        }
        for number, kind in zip(range(count), kinds, strict=False)
    ]
