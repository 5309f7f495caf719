"""What a community says of itself: its settings, on a page and in the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..application.communities import view_community
from ..application.community_settings import (
    CommunityChange,
    CommunitySettings,
    change_community,
    view_settings,
)
from ..domain.communities import Community
from ..domain.refusals import Refusal, VersionOutdated
from ..i18n.messages import offered
from ..i18n.negotiation import is_language_tag
from ..pages.language import current_messages
from ..pages.refusals import status_of
from . import answers, community_models
from .forms import language_options
from .handling import ApiHandler
from .operations import operation
from .pages import PageHandler

_LONGEST = 400  # characters of a field that are drawn again
_PREFIX = "name_"
_FIELD_OF = {
    "community.names": "names",
    "community.contact": "contact",
    "community.retention": "retention_days",
    "language.unknown": "language",
}


@dataclass
class SettingsForm:
    """The fields as typed, with a name for each language, and of which version they are."""

    values: dict[str, str]
    names: dict[str, str]  # by tag
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, community: Community) -> SettingsForm:
        days = community.retention_days
        return cls(
            {
                "language": community.language,
                "contact": community.contact or "",
                "retention_days": "" if days is None else str(days),
                "shows_people": "yes" if community.shows_people else "",
                "version": community.version,
            },
            {**dict.fromkeys(_tags(community), ""), **community.names},
        )

    @classmethod
    def read(cls, argument: Callable[[str, str], str | None], community: Community) -> SettingsForm:
        def typed(name: str) -> str:
            return (argument(name, "") or "").strip()[:_LONGEST]

        names = ("language", "contact", "retention_days", "shows_people", "version")
        return cls(
            {name: typed(name) for name in names},
            {tag: typed(_PREFIX + tag) for tag in _tags(community)},
        )

    def change(self, *, is_named: bool) -> CommunityChange | None:
        """What was meant; None with `errors` set where a field cannot be read. `is_named`: the form
        had no other field than what members see."""
        shows_people = bool(self.values["shows_people"])
        if is_named:
            return CommunityChange(shows_people=shows_people)
        if not is_language_tag(self.values["language"]):
            self.errors["language"] = current_messages().gettext("Please choose a language.")
            return None
        return CommunityChange(
            names=self.names,
            language=self.values["language"],
            contact=self.values["contact"],
            retention_days=self._days(),
            shows_people=shows_people,
        )

    def _days(self) -> int | None:
        """0 for what is no number: the rule says so."""
        typed = self.values["retention_days"]
        if not typed:
            return None
        return int(typed) if typed.isdecimal() else 0

    def refuse(self, refusal: Refusal, sentence: str) -> None:
        self.errors[_FIELD_OF.get(refusal.code, "form")] = sentence

    def differing(self, other: SettingsForm) -> set[str]:
        """The fields in which two forms say something else."""
        found = {
            name
            for name in ("language", "contact", "retention_days", "shows_people")
            if self.values[name] != other.values[name]
        }
        return found if self.names == other.names else {*found, "names"}


def _tags(community: Community) -> list[str]:
    """Languages in which the community can have a name: ours, its own, and those it has one in."""
    return sorted({*offered(), community.language, *community.names})


class SettingsPage(PageHandler):
    """All settings in a form, which carries the version that it was drawn from."""

    async def get(self, slug: str) -> None:
        found: CommunitySettings = await self.run(view_settings, self.actor, slug)
        await self._draw(slug, found, SettingsForm.of(found.community))

    async def post(self, slug: str) -> None:
        found: CommunitySettings = await self.run(view_settings, self.actor, slug)
        form = SettingsForm.read(self.get_body_argument, found.community)
        change = form.change(is_named=found.is_named)
        if change is None:
            await self._draw(slug, found, form, status=400)
            return
        expected = {form.values["version"]}
        try:
            await self.run(change_community, self.actor, slug, change, expected=expected)
        except VersionOutdated as refusal:
            now: CommunitySettings = await self.run(view_settings, self.actor, slug)
            form.values["version"] = now.community.version  # they have seen it
            stands, status = SettingsForm.of(now.community), status_of(refusal)
            await self._draw(slug, now, form, stands=stands, status=status)
        except Refusal as refusal:
            form.refuse(refusal, self.say(refusal))
            await self._draw(slug, found, form, status=status_of(refusal))
        else:
            self.go(f"communities/{slug}")

    async def draw_stale(self, *path: str) -> None:
        found: CommunitySettings = await self.run(view_settings, self.actor, path[0])
        form = SettingsForm.read(self.get_body_argument, found.community)
        form.errors["form"] = current_messages().gettext("Please send the form once more.")
        await self._draw(path[0], found, form)

    async def _draw(
        self,
        slug: str,
        found: CommunitySettings,
        form: SettingsForm,
        *,
        stands: SettingsForm | None = None,
        status: int = 200,
    ) -> None:
        community = await self.community(slug)
        self.draw(
            "community_settings.html",
            status=status,
            community=community,
            is_named=found.is_named,
            form=form,
            stands=stands,
            differing=set() if stands is None else form.differing(stands),
            languages=language_options(community.language),
        )


class CommunityApi(ApiHandler):
    paths = ("communities/{community}",)

    @operation("One community", answer=answers.Community, is_versioned=True)
    async def get(self, community: str) -> answers.Community:
        return self.shown(await self.run(view_community, self.actor, community))

    @operation(
        "Changes a community's settings: all that is said, or nothing",
        body=community_models.CommunityChangeBody,
        answer=answers.Community,
        refuses=(409,),
        is_versioned=True,
    )
    async def patch(
        self, community: str, body: community_models.CommunityChangeBody
    ) -> answers.Community:
        place = (self.actor, community, body.change())
        return self.shown(await self.run(change_community, *place, expected=self.expected))

    def shown(self, community: Community) -> answers.Community:
        self.version = community.version
        return answers.Community.of(community)


API_HANDLERS: tuple[type[ApiHandler], ...] = (CommunityApi,)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (r"communities/([a-z0-9-]+)/settings", SettingsPage),
]
