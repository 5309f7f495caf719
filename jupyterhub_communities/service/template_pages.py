"""Pages of workshops that a cohort shares: to be held, and own ones to be shared."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from tornado.web import HTTPError

from ..application.templates import (
    TemplateChoice,
    profile_of,
    share_template,
    unshare_template,
    use_template,
    view_template,
    view_templates,
)
from ..domain.refusals import DateInvalid, LanguageInvalid, Refusal
from ..i18n.negotiation import is_language_tag
from ..pages.language import current_messages
from ..pages.refusals import status_of
from .cohort_forms import Form, FormPage
from .forms import language_options
from .pages import PageHandler
from .workshop_forms import known_tag


class TemplatesPage(PageHandler):
    """Workshops that the cohort shares, to be opened; and own ones that were held, to be shared."""

    async def get(self, slug: str) -> None:
        await self._draw(slug)

    async def post(self, slug: str) -> None:
        action = self.get_body_argument("action", "")
        try:
            if action == "share":
                workshop = self.get_body_argument("workshop", "")
                await self.run(share_template, self.actor, slug, workshop)
            elif action == "unshare":
                template = self.get_body_argument("id", "")
                await self.run(unshare_template, self.actor, slug, template)
            else:
                raise HTTPError(400)
        except Refusal as refusal:
            await self._draw(slug, refusal)
            return
        self.go(f"communities/{slug}/templates")

    async def _draw(self, slug: str, refusal: Refusal | None = None) -> None:
        community = await self.community(slug)
        view = await self.run(view_templates, self.actor, slug)
        messages = current_messages()
        self.draw(
            "templates.html",
            status=200 if refusal is None else status_of(refusal),
            error="" if refusal is None else self.say(refusal),
            community=community,
            view=view,
            names={one.slug: one.name(messages.tag) for one in view.communities.values()},
        )


class UseTemplatePage(FormPage):
    """A workshop of one's own from a shared one, in one step."""

    names = ("title", "language", "zone", "first_day", "profile")

    async def fresh(self, community: str, *more: str) -> Form:
        template = await self.run(view_template, self.actor, community, *more)
        profile = profile_of(self.house.settings.catalogue, template)
        is_offered = profile is not None and profile.is_for(community)
        first = self.house.clock.now().astimezone(ZoneInfo(template.zone)) + timedelta(days=7)
        return Form(
            {
                "title": template.title,
                "language": template.language,
                "zone": template.zone,
                "first_day": first.date().isoformat(),
                "profile": template.profile or "" if is_offered else "",
            }
        )

    async def act(self, community: str, form: Form, *more: str) -> str:
        values, form.day = form.values, "first_day"
        try:
            first_day = date.fromisoformat(values["first_day"])
        except ValueError as error:
            raise DateInvalid(text=values["first_day"][:40]) from error
        if not is_language_tag(values["language"]):
            raise LanguageInvalid(tag=values["language"][:40])
        choice = TemplateChoice(
            first_day,
            zone=values["zone"],
            title=values["title"],
            language=values["language"],
            profile=values["profile"],
        )
        opened = await self.run(use_template, self.actor, community, more[0], choice)
        return f"communities/{community}/workshops/{opened.workshop.slug}"

    async def draw_form(self, community: str, form: Form, *more: str, status: int = 200) -> None:
        shown = await self.community(community)
        template = await self.run(view_template, self.actor, community, *more)
        profile = profile_of(self.house.settings.catalogue, template)
        self.draw(
            "use_template.html",
            status=status,
            community=shown,
            shared=template,
            form=form,
            missing=None if profile is None or profile.is_for(community) else profile.names,
            languages=language_options(*known_tag(form.values["language"])),
            profiles=self.house.settings.catalogue.of_community(community),
        )


_SLUG = "([a-z0-9-]+)"
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"communities/{_SLUG}/templates", TemplatesPage),
    (f"communities/{_SLUG}/templates/([0-9a-f]+)", UseTemplatePage),
]
