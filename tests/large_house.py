"""A community of any size, for what its pages cost: people and what they do, workshops and what was said
of them, sites, usage, its trail, and the cohort that it is in."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from houses import NOON, actor_of, andes, issue_names, make_house, most_servers, open_taller
from sqlalchemy import Connection, insert, update
from transactions import writing

from jupyterhub_communities.application.asking import NewAsk, ask_for_more
from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.application.lending import NewLoan, lend
from jupyterhub_communities.application.offers import list_offers, offer_role
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.names import same_name
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage.tables import (
    accounts,
    audit,
    feedback,
    grants,
    hands,
    leases,
    sessions,
    sites,
    trainings,
    usage,
    workshop_templates,
    workshops,
)

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
    communities: int  # of the cohort
    loans: int
    templates: int
    offers: int


SMALL = Size(20, 4, 2, 100, 60, 4, communities=3, loans=2, templates=2, offers=2)
LARGE = Size(2_000, 200, 50, 10_000, 5_000, 300, communities=20, loans=40, templates=50, offers=200)
COHORT = "sur"


@dataclass(frozen=True)
class Filled:
    """What has an address of its own."""

    workshop: str  # with half of the people, the sites and the list; most have a server
    over: str  # a workshop of a quarter of them, who have answered its questions
    invite: str
    batch: str
    person: str  # in the workshop
    double: str  # whose name somebody else has
    template: str
    running: dict[ServerKey, RunningServer]
    people: dict[str, str]  # who looks → username

    def nameless(self, path: str) -> str:
        """The same for a house of any size."""
        for one in (self.invite, self.batch, self.person, self.double, self.template):
            path = path.replace(one, "…")
        return path.replace(f"workshops/{self.over}", "workshops/over")


def house_to_fill(folder: Path) -> House:
    """One whose file says nothing of the communities: their champions may settle everything."""
    house = make_house(folder, communities=_cohort(SMALL.communities))
    house.settings = replace(house.settings, communities=frozenset())
    return house


def fill(house: House, size: Size) -> Filled:
    """Adds all of it to the community `andes`."""
    house.call(apply_declarations, _cohort(size.communities), most_servers(None))
    opened = open_taller(house, seats=None)
    slugs = [opened.workshop.slug]
    for number in range(1, size.workshops):
        slugs.append(open_taller(house, title=f"Taller de mapas {number}").workshop.slug)
    over = slugs[-1]
    champion = actor_of(house, "ana")
    wanted = NewInvite(workshop=slugs[0])
    batch = issue_names(house, champion, "andes", _names(size.names), wanted)
    ids = [f"{size.members:08x}{number:024x}" for number in range(size.members)]
    with writing(house.database) as connection:
        connection.execute(insert(accounts), _people(ids))
        connection.execute(insert(grants), _grants(ids, slugs))
        _end_workshops(connection, slugs)
        promising = update(workshops).where(workshops.c.slug.in_((slugs[0], over)))
        connection.execute(promising.values(promised=int(Role.HELPER)))
        for table, rows in (
            (leases, _leases(ids, slugs[0])),
            (hands, _hands(ids, slugs[0])),
            (feedback, _answers(ids, over)),
            (trainings, _trainings(ids, over)),
            (workshop_templates, _templates(slugs[: size.templates])),
        ):
            connection.execute(insert(table), list(rows))
        connection.execute(
            insert(sites),
            [
                {"community": "andes", "workshop": slugs[0], "slug": f"sede-{number}"}
                | {"name": f"Sede {number}", "zone": "Africa/Nairobi"}
                for number in range(size.sites)
            ],
        )
        connection.execute(insert(usage), _usage(ids, slugs, size.usage))
    for number in range(size.offers - len(house.call(list_offers, champion, "andes"))):
        house.call(offer_role, champion, "andes", f"asked-in-{number}", Role.HELPER)
    for number in range(size.loans):
        times = {"starts_at": NOON + timedelta(hours=number), "ends_at": NOON + timedelta(days=9)}
        loan = NewLoan("brasil", SERVERS, 1, **times)
        house.call(lend, champion, "andes", loan)
    if size is SMALL:
        for number in range(3):
            house.call(ask_for_more, champion, "andes", NewAsk(SERVERS, str(9000 + number), "Más"))
    with writing(house.database) as connection:  # the trail's last
        connection.execute(insert(audit), _entries(ids, slugs, size.entries))
    running = {
        key: RunningServer(key, ready=True, last_activity=NOON)
        for key in (ServerKey(row["username"]) for row in _leases(ids, slugs[0]))
    }
    return Filled(
        workshop=slugs[0],
        over=over,
        invite=opened.learner_invite.invite.id,
        batch=batch.id,
        person=_username(ids[1], len(ids), 1),
        double=_username(ids[-1], len(ids), len(ids) - 1),
        template=_id("template", 0, len(slugs[: size.templates])),
        running=running,
        people={
            "champion": "ana",
            "operator": "operator",
            "participant": _username(ids[4], len(ids), 4),
        },
    )


def pages_of(filled: Filled) -> dict[str, str]:
    """Path → who looks. With `NO_PAGES` all that the service answers with a page, or a picture, or a
    table: see `test_size`."""
    community = "communities/andes"
    workshop = f"{community}/workshops/{filled.workshop}"
    over = f"{community}/workshops/{filled.over}"
    champions = [
        "",
        "me",
        community,
        f"{community}/people",
        f"{community}/people?q=mamani",
        f"{community}/workshops",
        f"{community}/people/{filled.person}",
        f"{community}/leave",
        f"{community}/settings",
        f"{community}/numbers",
        f"{community}/report",
        f"{community}/transparency",
        f"{community}/trainings",
        f"{community}/templates",
        f"{community}/templates/{filled.template}",
        f"{community}/ask",
        f"{community}/lend",
        f"{community}/spent.svg?resource=server-time&days=28",
        f"cohorts/{COHORT}",
        f"cohorts/{COHORT}/shares.svg?resource=servers",
        "communities/andes/codes",
        "communities/andes/keys",
        "communities/andes/quota",
        "communities/andes/held.svg?resource=servers&days=7",
        "communities/andes/audit",
        "communities/andes/audit?action=workshop:change",
        "communities/andes/workshops/new",
        f"communities/andes/codes/{filled.invite}",
        f"communities/andes/batches/{filled.batch}",
        f"communities/andes/batches/{filled.batch}/csv",
        workshop,
        f"{workshop}?only=running",
        f"{workshop}/people",
        f"{workshop}/people/{filled.person}",
        f"{workshop}/people/{filled.double}/retire",
        f"{workshop}/training",
        f"{over}/training",
        f"{over}/feedback",
        over,
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
        **dict.fromkeys(
            (
                "hub",
                "hub/quota",
                "hub/audit",
                "hub/held.svg?resource=servers&days=7",
                "hub/communities/new",
                "hub/communities/andes",
            ),
            "operator",
        ),
        f"{over}/questions": "participant",
    }


# Addresses that are asked for and answered with no page, by how they are routed.
NO_PAGES = {
    "oauth_callback": "the Hub's own: it signs in, and leads on",
    "health": "one word for a probe",
    "static/(.*)": "files, the same for every community",
    "/board/events": "a stream; what it sends is the page `…/people`, see `test_board`",
    "/message": "leads on to the workshop's page",
    "/help": "leads on to the workshop's page",
    "/rehearsal": "leads on to the workshop's page",
}


def _cohort(communities: int) -> tuple[Declaration, ...]:
    slugs = ["andes", "brasil", *(f"comunidad-{number}" for number in range(communities - 2))]
    owned = Quota({SERVERS: Limit(share=Share(3_000))})
    champions = {"andes": ("ana",), "brasil": ("bia",)}
    return tuple(
        replace(one, quota=owned, community=replace(one.community, cohort=COHORT))
        for one in (andes(slug=slug, champions=champions.get(slug, ())) for slug in slugs)
    )


def _end_workshops(connection: Connection, slugs: list[str]) -> None:
    """All but the first ones were held, one a week, and stay a workshop for who looks back."""
    for number, slug in enumerate(slugs):
        if number >= min(20, len(slugs) - 1):
            begin = NOON - timedelta(days=40 + 7 * number)
            connection.execute(
                update(sessions)
                .where(sessions.c.community == "andes", sessions.c.workshop == slug)
                .values(starts_at=begin, ends_at=begin + timedelta(hours=3))
            )


def _id(kind: str, number: int, among: int) -> str:
    return random.Random(f"{kind} {number} {among}").randbytes(16).hex()


def _username(one: str, among: int, number: int) -> str:
    return f"persona-{int(one, 16) * 7919 % 10**6:06d}-{among}-{number}"


def _leases(ids: list[str], slug: str) -> list[dict[str, object]]:
    """Servers that run, of eight of ten in the first workshop."""
    return [
        {
            "id": one,
            "hub": "hub",
            "username": _username(one, len(ids), number),
            "server_name": "",
            "account_id": one,
            "community": "andes",
            "workshop": slug,
            "profile": "small",
            "requested_at": NOON - timedelta(minutes=50),
            "active_at": NOON - timedelta(minutes=49),
            "adopted": False,
            "amounts": {"servers": 1, "cpu": 500, "memory": 512_000_000},
        }
        for number, one in enumerate(ids[:-2])
        if number % 2 and number % 10 != 1
    ]


def _hands(ids: list[str], slug: str) -> list[dict[str, object]]:
    """One of twenty in the workshop asks for help."""
    return [
        {
            "id": one,
            "community": "andes",
            "workshop": slug,
            "account_id": one,
            "question": _words(one, 12),
            "raised_at": NOON - timedelta(minutes=5),
        }
        for number, one in enumerate(ids)
        if number % 40 == 3
    ]


def _answers(ids: list[str], slug: str) -> list[dict[str, object]]:
    return [
        {
            "id": _id("answer", number, len(ids)),
            "community": "andes",
            "workshop": slug,
            "useful": 1 + number % 5,
            "followed": "partly",
            "missing": _words(one, 40),
        }
        for number, one in enumerate(ids)
        if number % 4 == 0
    ]


def _trainings(ids: list[str], slug: str) -> list[dict[str, object]]:
    return [
        {
            "id": _id("training", number, len(ids)),
            "account_id": one,
            "community": "andes",
            "workshop": slug,
            "role": int(Role.HELPER),
            "at": NOON - timedelta(days=number),
        }
        for number, one in enumerate(ids)
        if number % 8 == 0
    ]


def _templates(slugs: list[str]) -> list[dict[str, object]]:
    return [
        {
            "id": _id("template", number, len(slugs)),
            "community": "andes",
            "workshop": slug,
            "title": f"Taller de mapas {number}",
            "language": "es",
            "zone": "America/Lima",
            "sessions": [[0, "09:00:00", 0, "12:00:00"]],
            "seats": 20,
            "profile": "small",
            "shared_at": NOON,
        }
        for number, slug in enumerate(slugs)
    ]


def _words(seed: str, number: int) -> str:
    """Unlike others, so that a page of them does not shrink on its way to almost nothing."""
    chance = random.Random(seed)
    syllables = ("ma", "ra", "ki", "ñu", "po", "lla", "tu", "che", "wi", "sa", "ne", "qui")
    return " ".join("".join(chance.choices(syllables, k=3)) for _ in range(number))


def _names(count: int) -> list[str]:
    pairs = itertools.cycle(itertools.product(_NAMES, _FAMILIES))
    return [f"{name} {family} {n}" for n, (name, family) in zip(range(count), pairs, strict=False)]


def _people(ids: list[str]) -> list[dict[str, object]]:
    """The last one of the first workshop has somebody else's name."""
    names = _names(len(ids))
    names[-1] = names[1]
    return [
        {
            "id": one,
            "username": _username(one, len(ids), number),
            "display_name": name,
            "folded_name": same_name(name),
            "kind": "invite",
            "created_at": NOON - timedelta(days=3),
        }
        for number, (one, name) in enumerate(zip(ids, names, strict=True))
    ]


def _grants(ids: list[str], slugs: list[str]) -> list[dict[str, object]]:
    """Half of the people are of the first workshop, a quarter of the last."""
    return [
        {
            "id": one,
            "account_id": one,
            "role": int(Role.LEARNER),
            "community": "andes",
            "workshop": slugs[0]
            if number % 2
            else slugs[-1]
            if number % 4 == 0
            else slugs[number % len(slugs)],
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
