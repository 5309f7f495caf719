"""Forms of one community of a cohort: read, carried out, drawn again with what was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from ..domain.refusals import DateInvalid, Refusal
from ..pages.language import current_messages
from ..pages.refusals import status_of
from .pages import PageHandler

MOST_TYPED = 5000
_FIELD_OF = {
    "quota.limit": "limit",
    "quota.amount": "amount",
    "ask.text": "reason",
    "ask.dated": "until",
    "ask.elsewhere": "resource",
    "loan.times": "until",
    "loan.resource": "resource",
    "loan.too_large": "amount",
    "loan.unusable": "amount",
    "cohort.none": "to",
    "zone.unknown": "zone",
    "language.unknown": "language",
    "workshop.title": "title",
    "workshop.sessions": "first_day",
    "template.profile": "profile",
    "profile.not_offered": "profile",
    "profile.unknown": "profile",
}


@dataclass
class Form:
    """The fields as typed, and a sentence for each that is wrong."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    day: str = ""  # the field whose day is being read: a refusal of it does not say which one it is

    @classmethod
    def read(cls, handler: PageHandler, names: tuple[str, ...]) -> Self:
        return cls({n: handler.get_body_argument(n, "").strip()[:MOST_TYPED] for n in names})

    def refuse(self, refusal: Refusal, sentence: str) -> None:
        name = _FIELD_OF.get(refusal.code, "form")
        if isinstance(refusal, DateInvalid):
            name = self.day
        self.errors[name if name in self.values else "form"] = sentence


class FormPage(PageHandler):
    """A form of one community of a cohort."""

    names: tuple[str, ...] = ()

    async def get(self, community: str, *more: str) -> None:
        await self.draw_form(community, await self.fresh(community, *more), *more)

    async def post(self, community: str, *more: str) -> None:
        form = Form.read(self, self.names)
        try:
            place = await self.act(community, form, *more)
        except Refusal as refusal:
            form.refuse(refusal, self.say(refusal))
            await self.draw_form(community, form, *more, status=status_of(refusal))
            return
        self.go(place)

    async def draw_stale(self, *path: str) -> None:
        form = Form.read(self, self.names)
        form.errors["form"] = current_messages().gettext("Please send the form once more.")
        await self.draw_form(path[0], form, *path[1:])

    async def fresh(self, community: str, *more: str) -> Form:
        return Form(dict.fromkeys(self.names, ""))

    async def act(self, community: str, form: Form, *more: str) -> str:
        """Where it goes on."""
        raise NotImplementedError

    async def draw_form(self, community: str, form: Form, *more: str, status: int = 200) -> None:
        raise NotImplementedError
