"""A community's people: found, given roles, asked in, handed over to, removed, and leaving."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from tornado.web import HTTPError

from ..application.handing_over import hand_over
from ..application.members import (
    Member,
    page_of_members,
    remove_member,
    set_role,
    view_member,
)
from ..application.offers import (
    accept_offer,
    decline_offer,
    list_offers,
    my_offers,
    offer_role,
    withdraw_offer,
)
from ..domain.grants import Role, Verb, may
from ..domain.paging import Part, part_of_all
from ..domain.refusals import Refusal, VersionOutdated
from ..pages.language import current_messages
from ..pages.refusals import status_of
from . import answers, community_models
from .handling import ApiHandler
from .operations import operation
from .pages import ON_A_PAGE, PageHandler

_LONGEST = 255  # characters that are looked for, or drawn again
_ROLES = (Role.LEARNER, Role.HELPER, Role.INSTRUCTOR, Role.CHAMPION)


class PeoplePage(PageHandler):
    """Who belongs to a community, page by page; for champions, whom to ask in."""

    asks_again = ("POST",)

    async def get(self, slug: str) -> None:
        await self._draw(slug)

    async def post(self, slug: str) -> None:
        place = (self.actor, slug)
        username = self.get_body_argument("username", "")[: _LONGEST + 1]
        role = _role_of(self.get_body_argument("role", "learner"))
        try:
            if self.get_body_argument("action", "") == "withdraw":
                await self.run(withdraw_offer, *place, self.get_body_argument("offer", ""))
            else:
                await self.run(offer_role, *place, username, role)
        except Refusal as refusal:
            await self._draw(
                slug,
                status=status_of(refusal),
                username=username[:_LONGEST],
                role=role,
                error=self.say(refusal),
            )
            return
        self.go(f"communities/{slug}/people")

    async def draw_stale(self, *path: str) -> None:
        await self._draw(
            path[0],
            username=self.get_body_argument("username", "")[:_LONGEST],
            role=_role_of(self.get_body_argument("role", "learner")),
            error=current_messages().gettext("Please send the form once more."),
        )

    async def _draw(
        self,
        slug: str,
        *,
        status: int = 200,
        username: str = "",
        role: Role = Role.LEARNER,
        error: str = "",
    ) -> None:
        community = await self.community(slug)
        sought = self.get_query_argument("q", "")[:_LONGEST]
        page = self.asked_page(ON_A_PAGE)
        people = await self.run(page_of_members, self.actor, slug, page, sought)
        may_offer = may(self.actor, Verb.OFFER_ROLE, slug)
        self.draw(
            "people.html",
            status=status,
            community=community,
            people=people.entries,
            sought=sought,
            is_later=page.after is not None,
            more=self.next_query(people, q=sought),
            may_offer=may_offer,
            may_issue=may(self.actor, Verb.ISSUE_INVITE, slug),
            may_give_keys=may(self.actor, Verb.SET_ROLE, slug),
            offers=await self.run(list_offers, self.actor, slug) if may_offer else (),
            username=username,
            role=role,
            roles=_ROLES,
            error=error,
            person_path=lambda name: quote(name, safe=""),
        )


class PersonPage(PageHandler):
    """One person of a community: their role, and the end of it."""

    asks_again = ("POST",)

    async def get(self, slug: str, username: str) -> None:
        await self._draw(slug, username)

    async def post(self, slug: str, username: str) -> None:
        place = (self.actor, slug, username)
        action = self.get_body_argument("action", "")
        role = _role_of(self.get_body_argument("role", "learner"))
        expected = {self.get_body_argument("version", "")}
        try:
            if action == "remove":
                await self.run(remove_member, *place, expected=expected)
            elif action == "hand_over":
                stays_as = min(role, Role.INSTRUCTOR)
                await self.run(hand_over, *place, stays_as, expected=expected)
            elif action == "role":
                await self.run(set_role, *place, role, expected=expected)
            else:
                raise HTTPError(400)
        except Refusal as refusal:
            # With the version as it is now: the next time counts.
            await self._draw(slug, username, refusal=refusal, role=role)
            return
        await self.push_groups(username)
        if action == "hand_over":
            await self.push_groups(self.username)
        is_seen = action != "hand_over" and username != self.username
        self.go(f"communities/{slug}" + ("/people" if is_seen else ""))

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)

    async def _draw(
        self,
        slug: str,
        username: str,
        *,
        refusal: Refusal | None = None,
        role: Role | None = None,
    ) -> None:
        community = await self.community(slug)
        member: Member = await self.run(view_member, self.actor, slug, username)
        may_change = may(self.actor, Verb.SET_ROLE, slug)
        is_me = member.account.id == self.actor.account_id
        self.draw(
            "person.html",
            status=200 if refusal is None else status_of(refusal),
            community=community,
            member=member,
            error="" if refusal is None else self.say(refusal),
            is_outdated=isinstance(refusal, VersionOutdated),
            may_change=may_change and not member.is_declared,
            may_hand_over=may_change and not is_me and self._is_champion(slug),
            is_me=is_me,
            chosen=member.role if role is None else role,
            roles=_ROLES,
        )

    def _is_champion(self, slug: str) -> bool:
        """Also an operator may be one."""
        own = (grant for grant in self.actor.grants if grant.covers(slug, None))
        return any(grant.role is Role.CHAMPION for grant in own)


class LeavePage(PageHandler):
    """Asks once: leaving is everybody's own right."""

    async def get(self, slug: str) -> None:
        await self._draw(slug)

    async def post(self, slug: str) -> None:
        try:
            await self.run(remove_member, self.actor, slug, self.username)
        except Refusal as refusal:
            await self._draw(slug, refusal)
            return
        await self.push_groups(self.username)
        self.go()

    async def _draw(self, slug: str, refusal: Refusal | None = None) -> None:
        community = await self.community(slug)
        if not any(grant.community == slug for grant in self.actor.grants):
            raise HTTPError(404)  # an operator who belongs to it leaves it; another cannot
        self.draw(
            "leave.html",
            status=200 if refusal is None else status_of(refusal),
            community=community,
            error="" if refusal is None else self.say(refusal),
        )

    async def draw_stale(self, *path: str) -> None:
        self.redirect(self.request.path, status=303)


class OffersPage(PageHandler):
    """What somebody was offered, answered on their own page."""

    async def post(self) -> None:
        action, offer = (self.get_body_argument(name, "") for name in ("action", "offer"))
        if action == "accept":
            offered = await self.run(accept_offer, self.username, offer)
            await self.push_groups(self.username)
            self.go(f"communities/{offered.community.slug}")
        elif action == "decline":
            await self.run(decline_offer, self.username, offer)
            self.go()
        else:
            raise HTTPError(400)

    async def draw_stale(self, *path: str) -> None:
        self.go()


def _role_of(text: str) -> Role:
    """One of the list, or somebody has made up a form."""
    try:
        return Role.from_label(text)
    except KeyError as error:
        raise HTTPError(400) from error


class MembersApi(ApiHandler):
    paths = ("communities/{community}/members",)

    @operation(
        "The community's people, highest roles first",
        query=community_models.MembersQuery,
        answer=list[answers.Member],
    )
    async def get(self, community: str) -> Part[answers.Member]:
        sought = self.get_query_argument("q", "")
        part = await self.run(page_of_members, self.actor, community, self.page, sought)
        return part.map(answers.Member.of)


class HandOverApi(ApiHandler):
    paths = ("communities/{community}/hand-over",)

    @operation(
        "Makes another member a champion in my place, in one step",
        body=community_models.HandOverBody,
        asks_again=True,
        answer=answers.Member,
        refuses=(409,),
    )
    async def post(self, community: str, body: community_models.HandOverBody) -> answers.Member:
        stays_as = Role.from_label(body.stays_as)
        member = await self.run(hand_over, self.actor, community, body.username, stays_as)
        await self.push_groups(body.username)
        await self.push_groups(self.username)
        return answers.Member.of(member)


class CommunityOffersApi(ApiHandler):
    paths = ("communities/{community}/offers",)

    @operation("Roles that were offered and not answered yet", answer=list[community_models.Offer])
    async def get(self, community: str) -> Part[community_models.Offer]:
        offers = await self.run(list_offers, self.actor, community)
        part = part_of_all(offers, lambda one: (one.username,), self.page)
        return part.map(community_models.Offer.of)

    @operation(
        "Offers a role to a username, whether anybody has it or not",
        body=community_models.OfferBody,
        asks_again=True,
        answer=community_models.Offer,
        status=HTTPStatus.CREATED,
        refuses=(409,),
        is_once=True,
    )
    async def post(self, community: str, body: community_models.OfferBody) -> None:
        place, role = (self.actor, community, body.username), Role.from_label(body.role)
        await self.make(
            lambda desk: offer_role(desk, *place, role), community_models.Offer.of, body
        )


class CommunityOfferApi(ApiHandler):
    paths = ("communities/{community}/offers/{offer}",)

    @operation("Withdraws an offer", status=HTTPStatus.NO_CONTENT)
    async def delete(self, community: str, offer: str) -> None:
        await self.run(withdraw_offer, self.actor, community, offer)


class MyOffersApi(ApiHandler):
    paths = ("me/offers",)

    @operation("Roles that I am offered", answer=list[community_models.Offer])
    async def get(self) -> Part[community_models.Offer]:
        offers = await self.run(my_offers, self.username)
        part = part_of_all(
            offers, lambda one: (one.offer.made_at.isoformat(), one.offer.id), self.page
        )
        return part.map(community_models.Offer.offered)


class MyOfferApi(ApiHandler):
    paths = ("me/offers/{offer}",)

    @operation("Declines an offer", status=HTTPStatus.NO_CONTENT)
    async def delete(self, offer: str) -> None:
        await self.run(decline_offer, self.username, offer)


class AcceptOfferApi(ApiHandler):
    paths = ("me/offers/{offer}/accept",)

    @operation("Accepts an offer", answer=community_models.Offer, refuses=(409,))
    async def post(self, offer: str) -> community_models.Offer:
        offered = await self.run(accept_offer, self.username, offer)
        await self.push_groups(self.username)
        return community_models.Offer.offered(offered)


_COMMUNITY = r"communities/([a-z0-9-]+)"
API_HANDLERS: tuple[type[ApiHandler], ...] = (
    MembersApi,
    HandOverApi,
    CommunityOffersApi,
    CommunityOfferApi,
    MyOffersApi,
    MyOfferApi,
    AcceptOfferApi,
)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_COMMUNITY}/people", PeoplePage),
    (f"{_COMMUNITY}/people/([^/]+)", PersonPage),
    (f"{_COMMUNITY}/leave", LeavePage),
    ("offers", OffersPage),
]
