"""Pages around a workshop: opening, changing and repeating it, the projector, handouts, its staff's message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from markupsafe import Markup

from ..application.changing import WorkshopChange, change_workshop, view_to_change
from ..application.cloning import clone_workshop, next_first_day, view_to_clone
from ..application.handouts import Handout, view_handout
from ..application.issuing import KEEP
from ..application.messages import set_message
from ..application.ports import Desk
from ..application.workshops import NewWorkshop, open_workshop
from ..domain.grants import Actor, Verb, may, require
from ..domain.refusals import InviteUnreadable, Refusal, VersionOutdated, WorkshopClosed
from ..domain.workshops import LONGEST_MESSAGE, Workshop
from ..i18n.messages import messages_for, offered
from ..i18n.negotiation import closest
from ..pages.language import current_messages, use_language
from ..pages.refusals import status_of
from .forms import WorkshopForm, language_options
from .pages import ALWAYS, PageHandler, WorkshopPage, qr_picture
from .reserving import ReservingPage
from .workshop_forms import ChangeForm, CloneForm, known_tag

SLIPS = 8  # on one page, A4 or Letter
_KINDS = ("sheet", "slips")
_UNNAMED = "…"  # a workshop whose title is not typed yet


class NewWorkshopPage(ReservingPage):
    """The form for a workshop."""

    async def get(self, slug: str) -> None:
        community = await self.community(slug)
        require(self.actor, Verb.OPEN_WORKSHOP, slug)
        self._draw_form(community, WorkshopForm.fresh(community.language, self.house.clock.now()))

    async def post(self, slug: str) -> None:
        community = await self.community(slug)
        require(self.actor, Verb.OPEN_WORKSHOP, slug)
        form = WorkshopForm.read(self.get_body_argument)
        action = self.get_body_argument("action", "")
        if action == "more":
            self._draw_form(community, form.with_another_row())
            return
        wanted = form.parse()
        if action == "check":
            await self.tell_reserve(None if wanted is None else self._opening(slug, wanted))
            return
        if wanted is None:
            self._draw_form(community, form, status=400)
            return
        try:
            opened = await self.run(open_workshop, self.actor, slug, wanted)
        except Refusal as refusal:
            form.refuse(refusal, self.say(refusal))
            self._draw_form(community, form, status=status_of(refusal))
            return
        self.go(f"communities/{slug}/workshops/{opened.workshop.slug}")

    def _opening(self, slug: str, wanted: NewWorkshop) -> Callable[[Desk], Workshop]:
        named = replace(wanted, title=wanted.title or _UNNAMED)
        return lambda desk: open_workshop(desk, self.actor, slug, named).workshop

    async def draw_stale(self, *path: str) -> None:
        form = WorkshopForm.read(self.get_body_argument)
        form.errors["form"] = current_messages().gettext("Please send the form once more.")
        self._draw_form(await self.community(path[0]), form)

    def _draw_form(self, community: Any, form: WorkshopForm, *, status: int = 200) -> None:
        self.draw(
            "new_workshop.html",
            status=status,
            community=community,
            form=form,
            languages=language_options(),
            profiles=self.house.settings.catalogue.of_community(community.slug),
        )


class ChangeWorkshopPage(ReservingPage):
    """All of a workshop in a form, which carries the version that it was drawn from."""

    async def get(self, community: str, slug: str) -> None:
        workshop = await self.run(view_to_change, self.actor, community, slug)
        await self._draw_form(community, slug, ChangeForm.of(workshop))

    async def post(self, community: str, slug: str) -> None:
        form = ChangeForm.read(self.get_body_argument)
        place = (self.actor, community, slug)
        action = self.get_body_argument("action", "")
        if action == "more":
            await self._draw_form(community, slug, form.with_another_row())
            return
        change = form.parse_change()
        if action == "check":
            await self.tell_reserve(None if change is None else self._changing(place, change))
            return
        if change is None:
            await self._draw_form(community, slug, form, status=400)
            return
        expected = {form.values["version"]}
        try:
            await self.run(change_workshop, *place, change, expected=expected)
        except VersionOutdated as refusal:
            now = await self.run(view_to_change, *place)
            form.values["version"] = now.version  # they have seen it: the next time counts
            stands = ChangeForm.of(now)
            status = status_of(refusal)
            await self._draw_form(community, slug, form, stands=stands, status=status)
        except Refusal as refusal:
            form.refuse(refusal, self.say(refusal))
            await self._draw_form(community, slug, form, status=status_of(refusal))
        else:
            self.go(f"communities/{community}/workshops/{slug}")

    def _changing(
        self, place: tuple[Actor, str, str], change: WorkshopChange
    ) -> Callable[[Desk], Workshop]:
        named = replace(change, title=change.title or KEEP)
        return lambda desk: change_workshop(desk, *place, named)

    async def draw_stale(self, *path: str) -> None:
        form = ChangeForm.read(self.get_body_argument)
        form.errors["form"] = current_messages().gettext("Please send the form once more.")
        await self._draw_form(path[0], path[1], form)

    async def _draw_form(
        self,
        community: str,
        slug: str,
        form: ChangeForm,
        *,
        stands: ChangeForm | None = None,
        status: int = 200,
    ) -> None:
        shown = await self.community(community)
        workshop = await self.run(view_to_change, self.actor, community, slug)
        catalogue = self.house.settings.catalogue
        self.draw(
            "change_workshop.html",
            status=status,
            community=shown,
            workshop=workshop,
            form=form,
            stands=stands,
            differing=set() if stands is None else form.differing(stands),
            languages=language_options(*known_tag(form.values["language"])),
            profiles=catalogue.of_community(community),
            own_profile=workshop.profile,
        )


class CloneWorkshopPage(PageHandler):
    """The same workshop once more: asks for its first day."""

    async def get(self, community: str, slug: str) -> None:
        original = await self.run(view_to_clone, self.actor, community, slug)
        first_day = next_first_day(original, self.house.clock.now())
        await self._draw_form(community, slug, CloneForm.of(original, first_day))

    async def post(self, community: str, slug: str) -> None:
        form = CloneForm.read(self.get_body_argument)
        choice = form.choice()
        if choice is None:
            await self._draw_form(community, slug, form, status=400)
            return
        try:
            opened = await self.run(clone_workshop, self.actor, community, slug, choice)
        except Refusal as refusal:
            form.refuse(refusal, self.say(refusal))
            await self._draw_form(community, slug, form, status=status_of(refusal))
            return
        self.go(f"communities/{community}/workshops/{opened.workshop.slug}")

    async def draw_stale(self, *path: str) -> None:
        form = CloneForm.read(self.get_body_argument)
        form.errors["form"] = current_messages().gettext("Please send the form once more.")
        await self._draw_form(path[0], path[1], form)

    async def _draw_form(
        self, community: str, slug: str, form: CloneForm, *, status: int = 200
    ) -> None:
        shown = await self.community(community)
        original = await self.run(view_to_clone, self.actor, community, slug)
        self.draw(
            "clone_workshop.html", status=status, community=shown, workshop=original, form=form
        )


class RoomHandler(PageHandler):
    """What a whole room sees: drawn in a language that is not the reader's."""

    asks_again = ALWAYS

    def drawn_in(self, tag: str, template: str, handout: Handout, **values: Any) -> str:
        issued = handout.issued
        link = "" if issued is None else self.join_link(issued.link)
        with use_language(tag):
            page: str = (
                self.settings["environment"]
                .get_template(template)
                .render(
                    community=handout.community,
                    workshop=handout.workshop,
                    issued=issued,
                    join_address=self.join_address(),
                    join_link=link,
                    qr=qr_picture(link) if link else "",
                    xsrf=self.xsrf_token.decode("ascii"),
                    **values,
                )
            )
        return page

    def language_of(self, handout: Handout) -> str:
        """The workshop's, as far as the pages are offered in it; else its community's."""
        wishes = (handout.workshop.language, handout.community.language)
        found = (closest(wish, offered()) for wish in wishes)
        return next(filter(None, found), current_messages().tag)


class ProjectorPage(RoomHandler):
    """The code as large as it goes, and nothing of anybody's.

    What a room sees stays: where the page asks for news itself when a quarter of an hour is over, it is
    told none, and no sign-in page comes to stand on the wall.
    """

    asks_again: tuple[str, ...] = ()

    async def prepare(self) -> None:
        await super().prepare()
        if self._finished or self.has_proved:
            return
        if self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
            self.redirect(self.again_address(), status=303)
        else:
            self.set_status(HTTPStatus.NO_CONTENT)
            self.finish()

    async def get(self, community: str, slug: str) -> None:
        handout = await self.run(view_handout, self.actor, community, slug)
        tag = self.language_of(handout)
        self.finish(self.drawn_in(tag, "projector.html", handout, note=self._note(handout, tag)))

    def _note(self, handout: Handout, tag: str) -> str:
        """Why nobody can join now, if that is so, or how many still can."""
        messages = messages_for(tag)
        now = self.house.clock.now()
        try:
            if handout.issued is None:
                is_over = handout.workshop.state(now).is_over
                raise WorkshopClosed if is_over else InviteUnreadable
            invite = handout.issued.invite
            invite.check_open(now, contact=None)
            left = invite.seats_left
            if left == 0:
                raise invite.no_seat(None)
        except Refusal as refusal:
            with use_language(tag):
                return self.say(refusal)
        if left is None:
            return ""
        return messages.ngettext("One seat left", "%(num)s seats left", left)


class HandoutsPage(RoomHandler):
    """Sheets and slips to print, in the language of who gets them."""

    async def get(self, community: str, slug: str) -> None:
        shown = await self.community(community)
        handout = await self.run(view_handout, self.actor, community, slug)
        asked = self.get_query_argument("language", "")
        tag = asked if asked in offered() else self.language_of(handout)
        kind = self.get_query_argument("kind", "")
        kind = kind if kind in _KINDS else _KINDS[0]
        drawn = ""
        if handout.issued is not None:
            if kind == "slips":
                link = self.join_link(handout.issued.link)
                slips = [("", handout.issued.code, qr_picture(link))] * SLIPS
                drawn = self.drawn_in(tag, "slip_list.html", handout, slips=slips)
            else:
                drawn = self.drawn_in(tag, "sheet.html", handout)
        self.draw(
            "handouts.html",
            community=shown,
            workshop=handout.workshop,
            handout=Markup(drawn),
            kind=kind,
            tag=tag,
            languages=[(messages_for(one).own_name, one) for one in offered()],
            is_over=handout.workshop.state(self.house.clock.now()).is_over,
            may_open=may(self.actor, Verb.OPEN_WORKSHOP, community),
        )


class MessagePage(WorkshopPage):
    """What the staff tell the workshop's people: kept, or taken away."""

    async def get(self, community: str, slug: str) -> None:
        self.go(f"communities/{community}/workshops/{slug}")

    async def post(self, community: str, slug: str) -> None:
        is_taken_away = self.get_body_argument("action", "") == "remove"
        typed = "" if is_taken_away else self.get_body_argument("message", "", strip=False)
        expected = {self.get_body_argument("version", "")}
        try:
            await self.run(set_message, self.actor, community, slug, typed, expected=expected)
        except Refusal as refusal:
            if not may(self.actor, Verb.WRITE_MESSAGE, community, slug):
                raise
            await self._draw_again(community, slug, typed, self.say(refusal), status_of(refusal))
            return
        self.go(f"communities/{community}/workshops/{slug}")

    async def draw_stale(self, *path: str) -> None:
        typed = self.get_body_argument("message", "", strip=False)
        sentence = current_messages().gettext("Please send the form once more.")
        await self._draw_again(path[0], path[1], typed, sentence, 200)

    async def _draw_again(
        self, community: str, slug: str, typed: str, sentence: str, status: int
    ) -> None:
        kept = typed[: 4 * LONGEST_MESSAGE]
        await self.draw_workshop(community, slug, status=status, typed=kept, error=sentence)


_PLACE = r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)"
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_PLACE}/change", ChangeWorkshopPage),
    (f"{_PLACE}/clone", CloneWorkshopPage),
    (f"{_PLACE}/projector", ProjectorPage),
    (f"{_PLACE}/handouts", HandoutsPage),
    (f"{_PLACE}/message", MessagePage),
]
