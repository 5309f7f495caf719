"""The table of verbs, walked in full: every role, at every scope, on every verb, against the service.

What is expected is worked out here from the role and from where it holds, not by the code that
decides. Whoever is refused must leave no trace: not even an entry in the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from urllib.parse import urlencode

import pytest
from houses import actor_of, issue_names, open_taller
from sqlalchemy import func, select
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.asking import NewAsk, ask_for_more
from jupyterhub_communities.application.cohorts import view_cohort
from jupyterhub_communities.application.hands import raise_hand
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.key_requests import ask_for_key
from jupyterhub_communities.application.lending import NewLoan, lend
from jupyterhub_communities.application.members import view_member
from jupyterhub_communities.application.offers import offer_role
from jupyterhub_communities.application.templates import share_template, view_templates
from jupyterhub_communities.application.training import promise_role
from jupyterhub_communities.application.waiting import wait_in_line
from jupyterhub_communities.application.workshops import add_site
from jupyterhub_communities.domain.asks import AskState
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import LOWEST_ROLE, OF_EVERY_MEMBER, Actor, Role, Verb
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.loans import LoanState
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.storage.tables import audit

COMMUNITY, WORKSHOP, SITE = "community", "workshop", "site"
# Where a role holds, and which places it covers.
SCOPES = {
    COMMUNITY: {COMMUNITY, WORKSHOP, SITE},
    WORKSHOP: {WORKSHOP, SITE},
    SITE: {SITE},
    "another workshop": set(),
    "another site": set(),
    "another community": set(),
}
ROLES = (Role.LEARNER, Role.HELPER, Role.INSTRUCTOR, Role.CHAMPION)
SESSIONS = [{"starts_at": "2030-03-02T09:00-05:00", "ends_at": "2030-03-02T12:00-05:00"}]
OPENED = {"title": "Mapas", "language": "es", "zone": "America/Lima", "sessions": SESSIONS}


@dataclass(frozen=True)
class Who:
    """Somebody of one role at one scope; without a role the outsider, or the operator."""

    token: str
    role: Role | None
    scope: str

    @property
    def belongs(self) -> bool:
        return self.token == "operator" or self.scope not in ("another community", "nowhere")


@dataclass(frozen=True)
class Case:
    """One way of doing what a verb names, at one place."""

    verb: Verb
    place: str
    method: str
    path: str  # under `communities/andes/`; of a page if it does not begin with `api `
    body: dict = field(default_factory=dict)
    # The staff of a site may too: they find what is their site's.
    is_open_to_sites: bool = False
    fresh: Callable[[Town], dict[str, str]] | None = None  # what it uses up

    def is_for(self, who: Who) -> bool:
        if who.token == "operator":
            return True
        if not who.belongs or who.role is None:
            return False
        if self.verb in OF_EVERY_MEMBER:
            return True
        is_near = self.is_open_to_sites and who.scope in (SITE, "another site")
        reaches = self.place in SCOPES[who.scope] or is_near
        return reaches and who.role >= LOWEST_ROLE[self.verb]


class Town:
    """`andes` with two workshops, one of them with two sites, and `brasil` beside it."""

    def __init__(self, world) -> None:
        self.house = world.house
        self.tokens = world.tokens
        self.model = world.model
        self.numbers = count(1)
        self._share()
        self.slugs = {
            WORKSHOP: world.opened.workshop.slug,
            "another workshop": open_taller(self.house, title="Otro").workshop.slug,
        }
        self.brasil = open_taller(self.house, title="Oficina", community="brasil", by="bia")
        ana, taller = actor_of(self.house, "ana"), self.slugs[WORKSHOP]
        self.sites = {
            name: self.house.call(
                add_site, ana, "andes", taller, name=name, zone="America/Lima"
            ).slug
            for name in (SITE, "another site")
        }
        self.invites = {place: self.invite(place) for place in (COMMUNITY, WORKSHOP, SITE)}
        self.doors = {place: self.invite(place) for place in self.invites}  # people come in here
        self.lines = {place: self.invite(place, is_by_hand=True) for place in self.invites}
        self.revoked = {place: self.invite(place) for place in self.invites}
        self.batches = {
            place: issue_names(self.house, ana, "andes", [f"Persona {place}"], self._at(place)).id
            for place in self.invites
        }
        self.people = [self._person(role, scope) for role in ROLES for scope in SCOPES]
        self.people += [Who("nadie", None, "nowhere"), Who("operator", None, COMMUNITY)]
        self.tokens["nadie"] = self.model("nadie")
        self.learner = self.join(self.doors[COMMUNITY].code)
        self.known = {
            "taller": taller,
            "learner": self.learner,
            "site": self.sites[SITE],
            **{
                f"{name}_{place}": one.invite.id
                for name, found in self._all()
                for place, one in found
            },
            **{f"batch_{place}": batch for place, batch in self.batches.items()},
        }

    def _share(self) -> None:
        """`andes` is in a cohort with `costa`, and has much to lend."""
        with self.house.database.write() as store:
            andes, shared = store.communities.get("andes"), Limit(share=Share(1000))
            costa = replace(andes, slug="costa")
            for one in (andes, costa):
                store.communities.save(replace(one, cohort="sur"), self.house.clock.now())
            store.limits.set_quota(Scope("costa"), Quota({"servers": shared}))
            limited = Quota({"servers": replace(shared, most=3)})
            store.limits.set_quota(Scope("andes"), limited)
            store.limits.add_up_cohorts()

    def _all(self):
        named = {"invite": self.invites, "revoked": self.revoked, "line": self.lines}
        return [(name, found.items()) for name, found in named.items()]

    def _at(self, place: str, **more) -> NewInvite:
        workshop = self.slugs[WORKSHOP] if place in (WORKSHOP, SITE, "another site") else None
        if place == "another workshop":
            workshop = self.slugs[place]
        return NewInvite(workshop=workshop, site=self.sites.get(place), **more)

    def invite(self, place: str, **more):
        if place == "another community":
            return self.house.call(
                issue_invite, actor_of(self.house, "bia"), "brasil", NewInvite(**more)
            )
        return self.house.call(
            issue_invite, actor_of(self.house, "ana"), "andes", self._at(place, **more)
        )

    def _person(self, role: Role, scope: str) -> Who:
        token = f"{role.label} at {scope}"
        self.tokens[token] = self.model(self.join(self.invite(scope, role=role).code, token))
        return Who(token, role, scope)

    def join(self, code: str, name: str = "") -> str:
        number = next(self.numbers)
        request = JoinRequest(code, f"attempt {number}", name or f"Persona {number}")
        return self.house.call(redeem_invite, request).account.username

    def asks_for_key(self, place: str) -> dict[str, str]:
        """Somebody of the place who has lost their key, and the number that they see."""
        username = self.join(self.doors[place].code)
        number = self.house.call(ask_for_key, f"browser {next(self.numbers)}").number
        return {"username": username, "number": number}

    def double(self, place: str) -> dict[str, str]:
        name = f"Doble {next(self.numbers)}"
        self.join(self.doors[place].code, name)
        return {"username": self.join(self.doors[place].code, name)}

    def asks(self, place: str) -> dict[str, str]:
        """Somebody of the place whose hand is up."""
        username = self.join(self.doors[place].code)
        actor = actor_of(self.house, username)
        at = ("andes", self.slugs[WORKSHOP])
        self.house.call(raise_hand, actor, username, *at, "")
        return {"username": username}

    def runs(self, place: str) -> dict[str, str]:
        """Somebody of the place with a server, which is charged to the workshop."""
        username = self.join(self.doors[place].code)
        lease = Lease(
            id=f"lease of {username}"[-32:],
            server=ServerKey(username),
            account_id=actor_of(self.house, username).account_id,
            scope=Scope("andes", self.slugs[WORKSHOP]),
            profile=None,
            requested_at=self.house.clock.now(),
            amounts={"servers": 1},
        )
        with self.house.database.write() as store:
            store.leases.add(lease)
        return {"username": username}

    def completes(self, place: str) -> dict[str, str]:
        """Somebody of the workshop, which promises a role."""
        ana = actor_of(self.house, "ana")
        self.house.call(promise_role, ana, "andes", self.slugs[WORKSHOP], Role.HELPER)
        return {"username": self.join(self.doors[place].code)}

    def waits(self, place: str) -> dict[str, str]:
        number = next(self.numbers)
        request = JoinRequest(self.lines[place].code, f"attempt {number}", f"Persona {number}")
        return {"ticket": self.house.call(wait_in_line, request).ticket.id}

    def entries(self, community: str | None = None) -> int:
        query = select(func.count()).select_from(audit)
        if community is not None:
            query = query.where(audit.c.community == community)
        with self.house.database.engine.connect() as connection:
            return connection.execute(query).scalar_one()


def _cases() -> list[Case]:
    """Those that end something come last."""
    w, everywhere = "workshops/{taller}", (COMMUNITY, WORKSHOP, SITE)
    member = lambda town: {"username": town.join(town.doors[COMMUNITY].code)}  # noqa: E731
    cases = [
        Case(Verb.VIEW_COMMUNITY, COMMUNITY, "GET", "api "),
        Case(Verb.VIEW_COMMUNITY, COMMUNITY, "GET", ""),
        Case(Verb.VIEW_MEMBERS, COMMUNITY, "GET", "api members"),
        Case(Verb.VIEW_MEMBERS, COMMUNITY, "GET", "api members/{learner}"),
        Case(Verb.SET_ROLE, COMMUNITY, "PUT", "api members/{learner}", {"role": "learner"}),
        Case(Verb.SET_ROLE, COMMUNITY, "GET", "keys"),
        Case(Verb.REMOVE_MEMBER, COMMUNITY, "DELETE", "api members/{username}", fresh=member),
        Case(Verb.VIEW_MEMBERS, COMMUNITY, "GET", "people"),
        Case(Verb.VIEW_MEMBERS, COMMUNITY, "GET", "people/{learner}"),
        Case(Verb.SET_ROLE, COMMUNITY, "POST", "people/{username}", LEARNS, fresh=_member),
        Case(Verb.OFFER_ROLE, COMMUNITY, "POST", "api offers", {"username": "sol"}),
        Case(Verb.OFFER_ROLE, COMMUNITY, "GET", "api offers"),
        Case(Verb.OFFER_ROLE, COMMUNITY, "POST", "people", {"username": "mar"}),
        Case(Verb.OFFER_ROLE, COMMUNITY, "DELETE", "api offers/{offer}", fresh=_offer),
        Case(Verb.CHANGE_COMMUNITY, COMMUNITY, "PATCH", "api ", {"shows_people": False}),
        Case(Verb.CHANGE_COMMUNITY, COMMUNITY, "GET", "settings"),
        Case(Verb.OPEN_WORKSHOP, COMMUNITY, "POST", "api workshops", OPENED),
        Case(Verb.OPEN_WORKSHOP, COMMUNITY, "POST", "api reservation", OPENED),
        Case(Verb.OPEN_WORKSHOP, COMMUNITY, "GET", "workshops/new"),
        Case(Verb.OPEN_WORKSHOP, COMMUNITY, "GET", "api overbookings"),
        Case(
            Verb.CHANGE_WORKSHOP,
            WORKSHOP,
            "POST",
            f"api {w}/sites",
            {"name": "Puno", "zone": "America/Lima"},
        ),
        Case(Verb.CHANGE_WORKSHOP, WORKSHOP, "PATCH", f"api {w}", {"reserved": False}),
        Case(Verb.CHANGE_WORKSHOP, WORKSHOP, "POST", f"api {w}/reservation", {"reserved": False}),
        Case(Verb.CHANGE_WORKSHOP, WORKSHOP, "POST", f"{w}/reserve", {"reserved": "no"}),
        Case(Verb.CHANGE_WORKSHOP, WORKSHOP, "GET", f"{w}/change"),
        Case(Verb.WRITE_MESSAGE, WORKSHOP, "PUT", f"api {w}/message", {"message": "Sala B"}),
        Case(Verb.WRITE_MESSAGE, WORKSHOP, "DELETE", f"api {w}/message"),
        Case(Verb.VIEW_BOARD, WORKSHOP, "GET", f"api {w}/board", is_open_to_sites=True),
        Case(Verb.VIEW_BOARD, WORKSHOP, "GET", f"{w}/people", is_open_to_sites=True),
        Case(Verb.VIEW_BOARD, WORKSHOP, "GET", f"{w}/keys", is_open_to_sites=True),
        Case(Verb.ASK_FOR_HELP, WORKSHOP, "PUT", f"api {w}/help", is_open_to_sites=True),
        Case(Verb.ASK_FOR_HELP, WORKSHOP, "GET", f"api {w}/help", is_open_to_sites=True),
        Case(Verb.ASK_FOR_HELP, WORKSHOP, "DELETE", f"api {w}/help/access", is_open_to_sites=True),
        Case(Verb.ASK_FOR_HELP, WORKSHOP, "DELETE", f"api {w}/help", is_open_to_sites=True),
        Case(Verb.REHEARSE, WORKSHOP, "PUT", f"api {w}/rehearsal"),
        Case(Verb.REHEARSE, WORKSHOP, "GET", f"api {w}/rehearsal"),
        Case(Verb.REHEARSE, WORKSHOP, "PATCH", f"api {w}/rehearsal", {"step": "lesson"}),
        Case(Verb.REHEARSE, WORKSHOP, "POST", f"{w}/rehearsal", {"action": "language"}),
        Case(Verb.ADMIT, WORKSHOP, "GET", f"api {w}/waiting", is_open_to_sites=True),
        Case(Verb.ISSUE_INVITE, COMMUNITY, "POST", "api invites", {"role": "learner"}),
        Case(Verb.ISSUE_INVITE, COMMUNITY, "POST", "api batches", {"names": ["Luz"]}),
        Case(Verb.ISSUE_INVITE, COMMUNITY, "GET", "codes"),
        Case(Verb.ISSUE_INVITE, WORKSHOP, "POST", "api invites", {"workshop": "{taller}"}),
        Case(Verb.ISSUE_INVITE, WORKSHOP, "GET", f"{w}/codes"),
        Case(
            Verb.ISSUE_INVITE,
            SITE,
            "POST",
            "api invites",
            {"workshop": "{taller}", "site": "{site}"},
        ),
        Case(Verb.SHOW_CODE, COMMUNITY, "GET", "api invites"),
        Case(Verb.REVOKE_INVITE, WORKSHOP, "POST", f"{w}/code", {"action": "renew"}),
        Case(Verb.APPROVE_KEY, COMMUNITY, "POST", "api keys", fresh=_at("asks_for_key", COMMUNITY)),
        Case(Verb.ERASE, COMMUNITY, "PUT", "api members/{username}/erasure", fresh=member),
        Case(Verb.ERASE, COMMUNITY, "DELETE", "api members/{learner}/erasure"),
        Case(Verb.VIEW_QUOTA, COMMUNITY, "GET", "api quotas"),
        Case(Verb.VIEW_QUOTA, COMMUNITY, "GET", "quota"),
        Case(
            Verb.SET_QUOTA,
            COMMUNITY,
            "PUT",
            "api quotas",
            {"workshop": "{taller}", "limits": {"servers": 2}},
        ),
        Case(Verb.TRY_QUOTA, COMMUNITY, "POST", "api quotas/simulate", {"limits": {"servers": 1}}),
        Case(Verb.VIEW_USAGE, COMMUNITY, "GET", "api usage"),
        Case(Verb.VIEW_USAGE, COMMUNITY, "GET", "api held"),
        Case(Verb.VIEW_USAGE_OF_PEOPLE, COMMUNITY, "GET", "api usage?by=person"),
        Case(Verb.VIEW_AUDIT, COMMUNITY, "GET", "api audit"),
        Case(Verb.VIEW_COMMUNITY, COMMUNITY, "GET", "api audit/summary"),
        Case(Verb.VIEW_AUDIT, COMMUNITY, "GET", "api audit?format=csv"),
        Case(Verb.PROMISE_ROLE, COMMUNITY, "PUT", f"api {w}/promise", {"role": "helper"}),
        Case(
            Verb.PROMISE_ROLE,
            COMMUNITY,
            "POST",
            f"{w}/training",
            {"action": "promise", "role": "helper"},
        ),
        Case(Verb.GIVE_PROMISED, WORKSHOP, "GET", f"api {w}/training"),
        Case(Verb.GIVE_PROMISED, WORKSHOP, "GET", f"{w}/training"),
        Case(
            Verb.GIVE_PROMISED,
            WORKSHOP,
            "POST",
            f"api {w}/training",
            fresh=_at("completes", WORKSHOP),
        ),
        Case(
            Verb.GIVE_PROMISED, WORKSHOP, "POST", f"{w}/training", fresh=_at("completes", WORKSHOP)
        ),
        Case(Verb.PROMISE_ROLE, COMMUNITY, "DELETE", f"api {w}/promise"),
        Case(Verb.VIEW_MEMBERS, COMMUNITY, "GET", "api trainings"),
        Case(Verb.VIEW_MEMBERS, COMMUNITY, "GET", "trainings"),
        Case(Verb.VIEW_FEEDBACK, WORKSHOP, "GET", f"api {w}/feedback"),
        Case(Verb.VIEW_FEEDBACK, WORKSHOP, "GET", f"{w}/feedback"),
        Case(Verb.VIEW_COMMUNITY, COMMUNITY, "GET", "api transparency"),
        Case(Verb.VIEW_COMMUNITY, COMMUNITY, "GET", "transparency"),
        Case(Verb.PUBLISH, COMMUNITY, "PUT", "api transparency", {"public": False}),
        Case(Verb.PUBLISH, COMMUNITY, "POST", "transparency", {"action": "withdraw"}),
        Case(Verb.BE_NAMED, COMMUNITY, "PUT", "api transparency/me"),
        Case(Verb.BE_NAMED, COMMUNITY, "DELETE", "api transparency/me"),
        Case(Verb.VIEW_NUMBERS, COMMUNITY, "GET", "api numbers"),
        Case(Verb.VIEW_NUMBERS, COMMUNITY, "GET", "numbers"),
        Case(Verb.VIEW_NUMBERS, COMMUNITY, "GET", "report"),
        Case(Verb.VIEW_COHORT, COMMUNITY, "GET", "api cohort"),
        Case(Verb.VIEW_COHORT, COMMUNITY, "GET", "ask"),
        Case(Verb.VIEW_COHORT, COMMUNITY, "GET", "lend"),
        Case(Verb.ASK_FOR_MORE, COMMUNITY, "POST", "api asks", ASKED),
        Case(Verb.ASK_FOR_MORE, COMMUNITY, "DELETE", "api asks/{ask}", fresh=_ask),
        Case(Verb.LEND, COMMUNITY, "POST", "api loans", LENT),
        Case(Verb.LEND, COMMUNITY, "DELETE", "api loans/{loan}", fresh=_loan),
        Case(Verb.VIEW_TEMPLATES, COMMUNITY, "GET", "api templates"),
        Case(Verb.VIEW_TEMPLATES, COMMUNITY, "GET", "templates"),
        Case(Verb.VIEW_TEMPLATES, COMMUNITY, "GET", "templates/{template}", fresh=_template),
        Case(
            Verb.VIEW_TEMPLATES,
            COMMUNITY,
            "POST",
            "api templates/{template}/open",
            {"first_day": "2030-03-02"},
            fresh=_template,
        ),
        Case(Verb.SHARE_TEMPLATE, COMMUNITY, "POST", "api templates", {"workshop": "{held}"}, fresh=_held),
        Case(Verb.SHARE_TEMPLATE, COMMUNITY, "DELETE", "api templates/{template}", fresh=_template),
    ]  # fmt: skip
    for place in everywhere:
        one = f"invites/{{invite_{place}}}"
        cases += [
            Case(Verb.SHOW_CODE, place, "GET", f"api {one}"),
            Case(Verb.SHOW_CODE, place, "GET", f"codes/{{invite_{place}}}"),
            Case(Verb.SHOW_CODE, place, "GET", f"api batches/{{batch_{place}}}"),
            Case(Verb.SHOW_CODE, place, "GET", f"batches/{{batch_{place}}}/csv"),
            Case(Verb.CHANGE_INVITE, place, "PATCH", f"api {one}", {"paused": False}),
            Case(Verb.CHANGE_INVITE, place, "POST", f"codes/{{invite_{place}}}", {"action": "resume"}),
            Case(Verb.REVOKE_INVITE, place, "POST", f"api {one}/renew"),
            Case(Verb.REVOKE_INVITE, place, "POST", f"api invites/{{revoked_{place}}}/revoke"),
            Case(Verb.ADMIT, place, "POST", "api waiting/{ticket}/admit", fresh=_at("waits", place)),
            Case(Verb.ADMIT, place, "POST", "api waiting/{ticket}/decline", fresh=_at("waits", place)),
        ]  # fmt: skip
    for place in (WORKSHOP, SITE):
        retire = f"{w}/board/{{username}}/retire"
        cases += [
            Case(Verb.APPROVE_KEY, place, "POST", f"api {w}/keys", fresh=_at("asks_for_key", place)),
            Case(Verb.APPROVE_KEY, place, "POST", f"{w}/keys", fresh=_at("asks_for_key", place)),
            Case(Verb.RETIRE_DOUBLE, place, "POST", f"api {retire}", fresh=_at("double", place)),
            Case(Verb.ANSWER_HELP, place, "PUT", f"api {w}/board/{{username}}/help", fresh=_at("asks", place)),
            Case(Verb.ANSWER_HELP, place, "DELETE", f"api {w}/board/{{username}}/help", fresh=_at("asks", place)),
            Case(Verb.ANSWER_HELP, place, "POST", f"{w}/people/{{username}}", {"action": "take"}, fresh=_at("asks", place)),
            Case(Verb.RESTART_SERVER, place, "POST", f"api {w}/board/{{username}}/restart", fresh=_at("runs", place)),
            Case(Verb.STOP_SERVER, place, "POST", f"api {w}/board/{{username}}/stop", fresh=_at("runs", place)),
            Case(Verb.STOP_SERVER, place, "POST", f"{w}/people/{{username}}", {"action": "stop"}, fresh=_at("runs", place)),
        ]  # fmt: skip
    cases += [
        Case(Verb.REVOKE_INVITE, place, "POST", f"api batches/{{batch_{place}}}/release")
        for place in everywhere
    ]
    return [
        *cases,
        Case(Verb.REHEARSE, WORKSHOP, "DELETE", f"api {w}/rehearsal"),
        Case(Verb.CLOSE_WORKSHOP, WORKSHOP, "GET", f"{w}/close"),
        Case(Verb.CLOSE_WORKSHOP, WORKSHOP, "POST", f"{w}/close", {"action": "close"}),
        Case(Verb.CLOSE_WORKSHOP, WORKSHOP, "POST", f"api {w}/close"),
    ]


def _at(maker: str, place: str) -> Callable[[Town], dict[str, str]]:
    return lambda town: getattr(town, maker)(place)


def _member(town: Town) -> dict[str, str]:
    """Somebody with the version that a form would carry."""
    username = town.join(town.doors[COMMUNITY].code)
    member = town.house.call(view_member, actor_of(town.house, "ana"), "andes", username)
    return {"username": username, "version": member.version}


def _offer(town: Town) -> dict[str, str]:
    ana, name = actor_of(town.house, "ana"), f"sol-{next(town.numbers)}"
    return {"offer": town.house.call(offer_role, ana, "andes", name, Role.LEARNER).id}


def _ask(town: Town) -> dict[str, str]:
    """The one that is open, or a new one."""
    found = town.house.call(view_cohort, OPERATOR, "sur").asks
    if not found or found[0].state is not AskState.OPEN:
        wanted = NewAsk("servers", 1, "Un curso")
        found = (town.house.call(ask_for_more, OPERATOR, "andes", wanted),)
    return {"ask": found[0].id}


def _loan(town: Town) -> dict[str, str]:
    """One that has not begun."""
    now = town.house.clock.now()
    for one in town.house.call(view_cohort, OPERATOR, "sur").loans:
        if one.state(now) is LoanState.PLANNED:
            return {"loan": one.id}
    day = timedelta(days=1)
    wanted = NewLoan("costa", "servers", 1, now + 2 * day, now + day)
    return {"loan": town.house.call(lend, OPERATOR, "andes", wanted).id}


def _held(town: Town) -> dict[str, str]:
    """A workshop that is over and not shared."""
    held = town.house.call(view_templates, OPERATOR, "andes").held
    if held:
        return {"held": held[0].slug}
    title = f"Pasado {next(town.numbers)}"
    opened = open_taller(town.house, title=title, starts_in=timedelta(hours=-6))
    return {"held": opened.workshop.slug}


def _template(town: Town) -> dict[str, str]:
    shared = town.house.call(view_templates, OPERATOR, "andes").templates
    if shared:
        return {"template": shared[0].id}
    held = _held(town)["held"]
    return {"template": town.house.call(share_template, OPERATOR, "andes", held).id}


OPERATOR = Actor(None, is_operator=True)
ASKED = {"limit": "servers", "amount": 1, "reason": "Un curso"}
LENT = {"to": "costa", "resource": "servers", "amount": 1, "ends_at": "2026-03-03T00:00:00Z"}
LEARNS = {"action": "role", "role": "learner", "version": "{version}"}
CASES = _cases()


@pytest.fixture
def town(world) -> Town:
    return Town(world)


@pytest.fixture
def ask(service):
    """One request: JSON to the API, a form to a page."""
    client = AsyncHTTPClient(force_instance=True, max_clients=1)

    async def ask(token: str, method: str, path: str, body: dict | None = None):
        is_api = path.startswith("api ")
        kind = "application/json" if is_api else "application/x-www-form-urlencoded"
        sent = None
        if method != "GET" and (body or not is_api):
            sent = json.dumps(body) if is_api else urlencode(body or {})
        answer = await client.fetch(
            service + ("api/v1/" + path.removeprefix("api ") if is_api else path),
            method=method,
            body=sent,
            headers={"Authorization": f"token {token}", "Content-Type": kind},
            allow_nonstandard_methods=True,
            raise_error=False,
            follow_redirects=False,
        )
        return answer.code, answer.body.decode()

    yield ask
    client.close()


def _filled(body: dict, values: dict[str, str]) -> dict:
    return {
        name: value.format(**values) if isinstance(value, str) else value
        for name, value in body.items()
    }


def _path(case: Case, values: dict[str, str]) -> str:
    door = "api " if case.path.startswith("api ") else ""
    rest = case.path.removeprefix("api ").format(**values)
    return f"{door}communities/andes/{rest}".rstrip("/")


async def test_each_role_at_each_scope_may_exactly_what_the_table_says(town, ask) -> None:
    wrong = []
    for case in CASES:
        for who in town.people:
            values = dict(town.known)
            body = dict(case.body)
            if case.fresh is not None:
                made = case.fresh(town)
                values |= made
                if case.verb is Verb.APPROVE_KEY:
                    body = made
                if case.verb is Verb.GIVE_PROMISED:
                    username = made["username"]
                    is_api = case.path.startswith("api ")
                    body = {"usernames": [username]} if is_api else {"person": username}
            before = town.entries()
            path = _path(case, values)
            status, text = await ask(who.token, case.method, path, _filled(body, values))
            cell = f"{who.token}: {case.verb} by {case.method} {path} at the {case.place}: {status}"
            if case.is_for(who):
                if status not in (200, 201, 202, 204, 303):
                    wrong.append(f"{cell}, and it is allowed. {text[:300]}")
                continue
            refused = (403, 404) if who.belongs else (404,)
            if status not in refused:
                wrong.append(f"{cell}, and it is refused")
            elif town.entries() != before:
                wrong.append(f"{cell}, and it changed something")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_every_verb_of_the_table_is_tried() -> None:
    assert {case.verb for case in CASES} == set(Verb) == set(LOWEST_ROLE)


def test_every_scope_and_role_finds_something_allowed_and_something_refused() -> None:
    """A walk that expects only one thing of somebody shows nothing."""
    for scope in SCOPES:
        for role in ROLES:
            who = Who("", role, scope)
            found = {case.is_for(who) for case in CASES}
            if scope == "another community":
                assert found == {False}
            elif (scope, role) == (COMMUNITY, Role.CHAMPION):
                assert found == {True}
            else:
                assert found == {True, False}, (scope, role)


async def test_nobody_gives_a_role_above_their_own(town, ask) -> None:
    wrong = []
    places = {COMMUNITY: {}, WORKSHOP: {"workshop": "{taller}"}}
    places[SITE] = {**places[WORKSHOP], "site": "{site}"}
    for scope, place in places.items():
        for own in (Role.INSTRUCTOR, Role.CHAMPION):
            for given in ROLES:
                body = _filled({**place, "role": given.label}, town.known)
                token = f"{own.label} at {scope}"
                status, _ = await ask(token, "POST", "api communities/andes/invites", body)
                if (status == 201) != (given <= own):
                    wrong.append(f"{token} gives {given.label}: {status}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


async def test_only_a_champion_of_the_community_hands_over(town, ask) -> None:
    path, body = "api communities/andes/hand-over", {"username": town.learner}
    champion = f"champion at {COMMUNITY}"
    before = town.entries()
    for who in town.people:
        if who.token != champion:
            status, _ = await ask(who.token, "POST", path, body)
            assert status in (403, 404), who.token
    assert town.entries() == before
    assert (await ask(champion, "POST", path, body))[0] == 200
    assert (await ask(champion, "POST", path, body))[0] == 403, "and is one no more"


async def test_who_may_nothing_with_people_learns_no_names(town, ask) -> None:
    """A learner gets the same answer for who is here and for who is not."""
    workshop = f"api communities/andes/workshops/{town.slugs[WORKSHOP]}"
    here = town.asks_for_key(WORKSHOP)
    for token in ("learner at community", "learner at workshop", "learner at site"):
        for name in (here["username"], "nobody-of-this-name"):
            key = {**here, "username": name}
            tried = [
                ("POST", f"{workshop}/keys", key),
                ("POST", "api communities/andes/keys", key),
                ("POST", f"{workshop}/board/{name}/retire", None),
                ("POST", f"{workshop}/board/{name}/stop", None),
                ("POST", f"{workshop}/board/{name}/restart", None),
                ("PUT", f"{workshop}/board/{name}/help", None),
                ("GET", f"api communities/andes/members/{name}", None),
                ("PUT", f"api communities/andes/members/{name}", {"role": "learner"}),
                ("PUT", f"api communities/andes/members/{name}/erasure", None),
                ("DELETE", f"api communities/andes/members/{name}", None),
                ("GET", f"api communities/andes/members?q={name}", None),
                ("POST", "api communities/andes/offers", {"username": name}),
                ("POST", "api communities/andes/hand-over", {"username": name}),
            ]
            for method, path, body in tried:
                status, text = await ask(token, method, path, body)
                said = (status, json.loads(text)["code"])
                assert said == (403, "permission.denied"), (token, method, path)


OF_THE_OPERATOR = [
    ("GET", "api hub/quotas", None),
    ("PUT", "api hub/quotas", {"limits": {"servers": 1}}),
    ("POST", "api hub/quotas/simulate", {"limits": {"servers": 1}}),
    ("GET", "api hub/usage", None),
    ("GET", "api hub/held", None),
    ("GET", "api hub/overbookings", None),
    ("GET", "api hub/audit", None),
    ("GET", "hub", None),
    ("GET", "api hub", None),
    ("GET", "hub/communities/andes", None),
    ("POST", "hub/communities/andes", {"action": "suspend", "because": "no"}),
    ("POST", "hub/communities/andes", {"action": "appoint", "username": "sol"}),
    ("GET", "hub/communities/new", None),
    ("POST", "hub/communities/new", {"slug": "x", "name": "X", "language": "es"}),
    ("POST", "api communities", {"slug": "x", "names": {"es": "X"}, "champions": ["sol"]}),
    ("POST", "api communities/andes/archive", None),
    ("PUT", "api communities/andes/champions/{learner}", None),
    ("GET", "hub/quota", None),
    ("GET", "hub/audit", None),
    ("POST", "api communities/andes/suspend", {"because": "no"}),
    ("POST", "api communities/andes/resume", None),
    ("PUT", "api hub/people/{learner}/block", None),
    ("DELETE", "api hub/people/{learner}/block", None),
    ("DELETE", "api hub/people/{learner}", None),
    ("POST", "api cohorts/sur/asks/{ask}/answer", {"granted": True}),
    ("POST", "cohorts/sur", {"action": "grant", "id": "{ask}", "version": "x"}),
]


async def test_what_is_the_operators_nobody_else_may(town, ask) -> None:
    wrong = []
    town.known |= _ask(town)
    before = town.entries()
    for method, path, body in OF_THE_OPERATOR:
        for who in town.people:
            if who.token == "operator":
                continue
            status, _ = await ask(who.token, method, path.format(**town.known), body)
            if status not in (403, 404):
                wrong.append(f"{who.token}: {method} {path}: {status}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert town.entries() == before


async def test_what_is_another_communitys_is_not_here_whatever_its_id(town, ask) -> None:
    """The champion and the people of `andes` name what is `brasil`'s, under both addresses."""
    bia, brasil = actor_of(town.house, "bia"), town.brasil.workshop.slug
    theirs = NewInvite(workshop=brasil, is_by_hand=True)
    line = town.house.call(issue_invite, bia, "brasil", theirs)
    shared = town.house.call(issue_invite, bia, "brasil", NewInvite(workshop=brasil))
    batch = issue_names(town.house, bia, "brasil", ["Lia"], NewInvite(workshop=brasil))
    request = JoinRequest(line.code, "attempt in brasil", "Rui")
    ticket = town.house.call(wait_in_line, request).ticket.id
    person = town.join(shared.code, "Lia")
    town.join(shared.code, "Lia")
    number = town.house.call(ask_for_key, "browser in brasil").number
    offer = town.house.call(offer_role, bia, "brasil", "sol", Role.LEARNER).id
    invite, made = shared.invite.id, batch.id
    key = {"username": person, "number": number}
    tried = [
        ("GET", f"api {{c}}/invites/{invite}", None),
        ("PATCH", f"api {{c}}/invites/{invite}", {"paused": True}),
        ("POST", f"api {{c}}/invites/{invite}/renew", None),
        ("POST", f"api {{c}}/invites/{invite}/revoke", {"with_grants": True}),
        ("GET", f"{{c}}/codes/{invite}", None),
        ("POST", f"{{c}}/codes/{invite}", {"action": "revoke_all"}),
        ("GET", f"api {{c}}/batches/{made}", None),
        ("GET", f"{{c}}/batches/{made}", None),
        ("GET", f"{{c}}/batches/{made}/csv", None),
        ("POST", f"api {{c}}/batches/{made}/release", None),
        ("POST", f"api {{c}}/waiting/{ticket}/admit", None),
        ("POST", f"api {{c}}/waiting/{ticket}/decline", None),
        ("POST", f"{{c}}/workshops/{brasil}/waiting", {"action": f"admit {ticket}"}),
        ("POST", f"{{c}}/workshops/{brasil}/waiting", {"action": f"seats {invite}", "more": "3"}),
        ("GET", f"api {{c}}/workshops/{brasil}", None),
        ("PATCH", f"api {{c}}/workshops/{brasil}", {"reserved": False}),
        ("POST", f"api {{c}}/workshops/{brasil}/close", None),
        ("GET", f"api {{c}}/workshops/{brasil}/board", None),
        ("GET", f"api {{c}}/workshops/{brasil}/waiting", None),
        ("POST", f"api {{c}}/workshops/{brasil}/sites", {"name": "X", "zone": "UTC"}),
        ("POST", f"{{c}}/workshops/{brasil}/code", {"action": "renew"}),
        ("POST", f"api {{c}}/workshops/{brasil}/keys", key),
        ("POST", "api {c}/keys", key),
        ("POST", f"api {{c}}/workshops/{brasil}/board/{person}/retire", None),
        ("POST", f"api {{c}}/workshops/{brasil}/board/{person}/stop", None),
        ("PUT", f"api {{c}}/workshops/{brasil}/board/{person}/help", None),
        ("PUT", f"api {{c}}/workshops/{brasil}/help", None),
        ("GET", f"{{c}}/workshops/{brasil}/board/events", None),
        ("GET", f"{{c}}/workshops/{brasil}/people/{person}", None),
        ("PUT", f"api {{c}}/workshops/{brasil}/rehearsal", None),
        ("DELETE", f"api {{c}}/offers/{offer}", None),
        ("POST", "{c}/people", {"action": "withdraw", "offer": offer}),
        ("GET", f"{{c}}/people/{person}", None),
        ("POST", f"{{c}}/people/{person}", {"action": "remove"}),
        ("POST", "api {c}/hand-over", {"username": person}),
        ("GET", f"api {{c}}/members/{person}", None),
        ("PUT", f"api {{c}}/members/{person}", {"role": "learner"}),
        ("DELETE", f"api {{c}}/members/{person}", None),
        ("PUT", f"api {{c}}/members/{person}/erasure", None),
        ("GET", f"api {{c}}/quotas?workshop={brasil}", None),
        ("PUT", "api {c}/quotas", {"workshop": brasil, "limits": {"servers": 1}}),
        ("GET", f"api {{c}}/usage?workshop={brasil}", None),
        ("GET", f"{{c}}/workshops/{brasil}/quota", None),
    ]
    wrong, before = [], town.entries("brasil")
    champions = [who for who in town.people if who.scope == COMMUNITY and who.role]
    for community in ("andes", "brasil"):
        for method, path, body in tried:
            asked = path.format(c=f"communities/{community}")
            for who in champions:
                status, _ = await ask(who.token, method, asked, body)
                # In their own community those who may not do it at all are told that.
                is_told = community == "andes" and who.role is not Role.CHAMPION
                if status not in ((403, 404) if is_told else (404,)):
                    wrong.append(f"{who.token}: {method} {asked}: {status}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert town.entries("brasil") == before
