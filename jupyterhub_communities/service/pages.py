"""The pages of the service. Each reads a form, calls one verb, and draws or redirects."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import segno
from tornado.web import HTTPError, RequestHandler

from ..application.board import NOTHING_SEEN, sight_of
from ..application.communities import my_memberships, view_community, view_usage
from ..application.feedback import may_answer
from ..application.hands import my_help
from ..application.members import may_see_people, page_of_members
from ..application.news import news_of
from ..application.offers import my_offers
from ..application.rehearsals import view_rehearsal
from ..application.reservations import Overbooked, view_overbooked
from ..application.workshops import (
    close_workshop,
    current_workshops,
    name_workshop,
    page_of_workshops,
    renew_code,
    set_reserved,
    view_workshop,
)
from ..domain.grants import Verb, may, require
from ..domain.hands import ACCESS_MINUTES
from ..domain.paging import Page, Part
from ..domain.refusals import PageInvalid, ProofNeeded
from ..pages.language import current_messages, refine_language
from ..pages.notices import shown_notices
from ..pages.quotas import overbooked_in_words, reserve_in_words
from ..pages.refusals import grace_sentence
from ..pages.stops import shown_stops
from .base import NotSignedIn, ServiceHandler
from .board_views import asked_view, drawn_values

ON_A_PAGE = 50  # of people, workshops and the like
FIRST_PEOPLE = 10  # on the community's page, which links to the others
ALWAYS: tuple[str, ...] = ("GET", "POST")
_SECRET = ("number",)  # of a lost key
_MOST_TYPED = 50_000  # characters


class PageHandler(ServiceHandler):
    """A page, drawn with the service's templates."""

    draws_stale_forms = True
    asks_again: tuple[str, ...] = ()  # methods for which who it is must have been shown lately
    keeps_typed = False  # a form that somebody fills in at length waits until they have shown it

    async def prepare(self) -> None:
        try:
            await super().prepare()
        except NotSignedIn:
            if self.request.method not in ("GET", "HEAD"):
                raise
            self.redirect(self.get_login_url())
            return
        if self.request.method in self.asks_again and not self.has_proved:
            if self.keeps_typed and self.request.method == "POST" and not self.is_stale:
                again, sentence = self.again_address(), self.say(ProofNeeded())
                self.draw(
                    "error.html", status=403, sentence=sentence, typed=self._typed(), again=again
                )
                return
            self.redirect(self.again_address(), status=303)
        elif self.is_stale:
            await self.draw_stale(*self.path_args)

    async def draw_stale(self, *path: str) -> None:
        """Shows the page with the form again; tornado then calls no method."""
        page = self.request.path.removesuffix("/code").removesuffix("/reserve")
        self.redirect(page, status=303)

    def draw(self, template: str, *, status: int = 200, **values: Any) -> None:
        self.set_status(status)
        self.finish(
            self.settings["environment"]
            .get_template(template)
            .render(
                page_path=self.request.path,
                person_name=self._shown_name(),
                xsrf=self.xsrf_token.decode("ascii"),
                actor=getattr(self, "actor", None),
                **values,
            )
        )

    def _shown_name(self) -> str:
        person = getattr(self, "person", None)
        if person is None:
            return ""
        return person.account.display_name if person.account else self.username

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        status, _, sentence = self.error_of(status_code, **kwargs)
        is_passing = status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
        typed = self._typed() if is_passing and self.request.method == "POST" else []
        self.draw("error.html", status=status, sentence=sentence, typed=typed, again="")

    def _typed(self) -> list[tuple[str, str]]:
        """The form that was sent, to be sent once more: nobody types it twice because the Hub or
        the database did not answer. Not what is secret, nor more than a page may weigh."""
        fields = [
            (name, self.decode_argument(value))
            for name, values in self.request.body_arguments.items()
            for value in values
            if name not in _SECRET
        ]
        return fields if sum(len(value) for _, value in fields) <= _MOST_TYPED else []

    def go(self, path: str = "") -> None:
        self.redirect(self.settings["prefix"] + path, status=303)

    def asked_page(self, limit: int) -> Page:
        """By the address. One of another list, or under another key, is the beginning."""
        asked = self.get_query_argument("after", "")
        try:
            return Page(limit, self.place_of(asked) if asked else None)
        except PageInvalid:
            return Page(limit)

    def next_query(self, part: Part[Any], **more: str) -> str:
        """Where the next page of a list is; empty behind the last."""
        if part.after is None:
            return ""
        given = {name: value for name, value in more.items() if value}
        return urlencode({**given, "after": self.sealed(part.after)})

    async def community(self, slug: str) -> Any:
        community = await self.run(view_community, self.actor, slug)
        refine_language(community=community.language)
        return community

    async def overbooked(self, slug: str | None) -> list[str]:
        """Who must give, in a community or on the hub."""
        found: Overbooked = await self.run(view_overbooked, self.actor, slug)
        return overbooked_in_words(found, current_messages())


class HomePage(PageHandler):
    """My communities."""

    async def get(self) -> None:
        until = self.person.grace_until
        news = await self.run(news_of, self.username, tells_left=False)
        self.draw(
            "home.html",
            memberships=await self.run(my_memberships, self.actor),
            notices=shown_notices(news.notices, current_messages()),
            stops=shown_stops(news.stops, current_messages()),
            workshop_messages=news.messages,
            offers=await self.run(my_offers, self.username),
            asked=news.asked,
            grace_notice="" if until is None else grace_sentence(until, current_messages()),
        )


class CommunityPage(PageHandler):
    """People, workshops, and what the community holds and has used."""

    async def get(self, slug: str) -> None:
        community = await self.community(slug)
        members = None
        if may_see_people(self.actor, community):
            members = await self.run(page_of_members, self.actor, slug, Page(FIRST_PEOPLE))
        may_open = may(self.actor, Verb.OPEN_WORKSHOP, slug)
        self.draw(
            "community.html",
            community=community,
            members=members,
            workshops=await self.run(current_workshops, self.actor, slug),
            usage=await self.run(view_usage, self.actor, slug),
            may_open=may_open,
            overbooked=await self.overbooked(slug) if may_open else (),
            may_issue=may(self.actor, Verb.ISSUE_INVITE, slug),
            may_change=may(self.actor, Verb.CHANGE_COMMUNITY, slug),
            is_member=any(grant.community == slug for grant in self.actor.grants),
            person_path=lambda name: quote(name, safe=""),
            may_see_numbers=may(self.actor, Verb.VIEW_NUMBERS, slug),
            may_see_cohort=may(self.actor, Verb.VIEW_COHORT, slug),
            may_give_keys=may(self.actor, Verb.SET_ROLE, slug),
            now=self.house.clock.now(),
        )


class WorkshopsPage(PageHandler):
    """All of a community's workshops, also those that are over, page by page."""

    async def get(self, slug: str) -> None:
        community = await self.community(slug)
        page = self.asked_page(ON_A_PAGE)
        found = await self.run(page_of_workshops, self.actor, slug, page)
        self.draw(
            "workshops.html",
            community=community,
            workshops=found.entries,
            is_later=page.after is not None,
            more=self.next_query(found),
            now=self.house.clock.now(),
        )


class WorkshopPage(PageHandler):
    """Code, link and QR, seats, sessions, and who is in."""

    async def get(self, community: str, slug: str) -> None:
        await self.draw_workshop(community, slug)

    async def draw_workshop(
        self,
        community: str,
        slug: str,
        *,
        status: int = 200,
        typed: str = "",
        error: str = "",
        question: str = "",
        help_error: str = "",
    ) -> None:
        """`typed` and `error` are those of a message that was not taken, `question` and `help_error`
        those of help that was not."""
        shown = await self.community(community)
        seen = NOTHING_SEEN
        if sight_of(self.actor, community, slug) is not None:
            seen = await self.settings["boards"].seen()
        view = await self.run(view_workshop, self.actor, community, slug, seen=seen)
        up = None
        if view.live is None:
            up = await self.run(my_help, self.actor, community, slug)
        may_rehearse = may(self.actor, Verb.REHEARSE, community, slug)
        rehearsal = None
        if may_rehearse:
            rehearsal = await self.run(view_rehearsal, self.actor, community, slug)
        invite = view.learner_invite
        secret_link = "" if invite is None else self.join_link(invite.link)
        message = view.workshop.message_at(self.house.clock.now())
        self.draw(
            "workshop.html",
            status=status,
            community=shown,
            page_base=f"{self.settings['prefix']}communities/{community}/workshops/{slug}",
            message=message,
            message_typed=typed if error else message or "",
            message_error=error,
            may_write=may(self.actor, Verb.WRITE_MESSAGE, community, slug),
            may_open=may(self.actor, Verb.OPEN_WORKSHOP, community),
            view=view,
            **({} if view.live is None else drawn_values(view.live, asked_view(self))),
            up=up,
            may_rehearse=may_rehearse,
            rehearsal=rehearsal,
            rehearsal_link=self.join_link(rehearsal.issued.link)
            if rehearsal is not None and rehearsal.issued is not None
            else "",
            question=question if help_error or up is None else up.hand.question or "",
            help_error=help_error,
            offers_access=self.house.settings.are_servers_apart,
            access_minutes=ACCESS_MINUTES,
            workshop=view.workshop,
            join_link=secret_link,
            join_address=self.join_address(),
            qr=qr_picture(secret_link) if secret_link else "",
            again_address="" if self.has_proved else self.again_address(),
            state=view.workshop.state(self.house.clock.now()),
            now=self.house.clock.now(),
            may_issue=may(self.actor, Verb.ISSUE_INVITE, community, slug),
            may_close=may(self.actor, Verb.CLOSE_WORKSHOP, community, slug),
            may_change=may(self.actor, Verb.CHANGE_WORKSHOP, community, slug),
            may_give=may(self.actor, Verb.GIVE_PROMISED, community, slug),
            may_read_answers=may(self.actor, Verb.VIEW_FEEDBACK, community, slug),
            may_answer=may_answer(self.actor, view.workshop, self.house.clock.now()),
            reserve=reserve_in_words(view.reserve, view.workshop.zone, current_messages()),
        )


class ReservePage(PageHandler):
    """Servers are kept for everybody with a seat, or no longer."""

    async def post(self, community: str, slug: str) -> None:
        is_reserved = self.get_body_argument("reserved", "") == "yes"
        await self.run(set_reserved, self.actor, community, slug, is_reserved=is_reserved)
        self.go(f"communities/{community}/workshops/{slug}")


class CloseWorkshopPage(PageHandler):
    """Asks once, then closes."""

    async def get(self, community: str, slug: str) -> None:
        shown = await self.community(community)
        workshop = await self.run(name_workshop, self.actor, community, slug)
        require(self.actor, Verb.CLOSE_WORKSHOP, community, slug)
        self.draw("close_workshop.html", community=shown, workshop=workshop)

    async def post(self, community: str, slug: str) -> None:
        await self.run(close_workshop, self.actor, community, slug)
        self.go(f"communities/{community}/workshops/{slug}")


class CodePage(PageHandler):
    """A code that has leaked is replaced by a new one."""

    asks_again = ("POST",)

    async def post(self, community: str, slug: str) -> None:
        await self.run(renew_code, self.actor, community, slug)
        self.go(f"communities/{community}/workshops/{slug}")


class NotFoundPage(PageHandler):
    """Any other address."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self._finished:
            raise HTTPError(404)


class HealthHandler(RequestHandler):
    """200 while the database answers with the schema of this version."""

    async def get(self) -> None:
        house = self.settings["house"]
        try:
            await house.run(lambda desk: desk.database.check_schema())
        except Exception:
            self.set_status(503)
            self.finish({"status": "database"})
            return
        self.finish({"status": "ok"})


def qr_picture(text: str) -> str:
    """A QR code as a data URI: no address of its own, so no code in a log."""
    # With a mask of its own a page of slips costs a fifth: all are as readable for what is random.
    picture: str = segno.make(text, error="m", mask=0).svg_data_uri(scale=6, border=2)
    return picture
