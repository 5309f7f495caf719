"""The questions about a workshop on their pages and in the API: asked, answered, told."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from ..application.feedback import Asking, give_feedback, view_questions, view_results
from ..domain.feedback import SCORES, Feedback, Followed, read_missing
from ..domain.refusals import FeedbackGiven, Refusal
from ..domain.workshops import LONGEST_MESSAGE
from ..pages.language import current_messages
from ..pages.refusals import status_of
from .handling import ApiHandler
from .operations import operation
from .outcome_models import FeedbackBody, Questions, Results
from .pages import ON_A_PAGE, PageHandler

_FIELDS = ("useful", "followed", "missing")


class QuestionsApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/questions",)

    @operation("Whether I may say how the workshop was", answer=Questions)
    async def get(self, community: str, workshop: str) -> Questions:
        _, state = await self.run(view_questions, self.actor, community, workshop)
        return Questions(workshop=workshop, state=state.value)

    # Never `is_once`: what is kept of a repeatable request is made of its body.
    @operation(
        "Says how the workshop was, once and without my name",
        body=FeedbackBody,
        status=HTTPStatus.NO_CONTENT,
        refuses=(409,),
    )
    async def post(self, community: str, workshop: str, body: FeedbackBody) -> None:
        answer = body.feedback()
        await self.run(give_feedback, self.actor, community, workshop, answer)


class ResultsApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/feedback",)

    @operation("What a workshop's people said, when nobody can answer any more", answer=Results)
    async def get(self, community: str, workshop: str) -> Results:
        return Results.of(await self.run(view_results, self.actor, community, workshop))


class QuestionsPage(PageHandler):
    """Three questions for a learner, and thanks."""

    async def get(self, community: str, slug: str) -> None:
        await self._draw(community, slug, {})

    async def post(self, community: str, slug: str) -> None:
        typed = self._fields()
        answer, errors = self._read(typed)
        status = 400
        if answer is not None:
            try:
                await self.run(give_feedback, self.actor, community, slug, answer)
            except FeedbackGiven:
                pass  # sent twice: the page says thank you
            except Refusal as refusal:
                errors["form"], status = self.say(refusal), status_of(refusal)
        if errors:
            await self._draw(community, slug, typed, errors, status=status)
            return
        self.go(f"communities/{community}/workshops/{slug}/questions")

    async def draw_stale(self, *path: str) -> None:
        error = current_messages().gettext("Please send the form once more.")
        await self._draw(path[0], path[1], self._fields(), {"form": error})

    def _read(self, typed: Mapping[str, str]) -> tuple[Feedback | None, dict[str, str]]:
        """What was meant; else what is wrong, at its question."""
        useful, followed, missing = (typed[name] for name in _FIELDS)
        errors: dict[str, str] = {}
        choose = current_messages().gettext("Please choose one of these.")
        if useful not in map(str, SCORES):
            errors["useful"] = choose
        if followed not in list(Followed):
            errors["followed"] = choose
        text = None
        try:
            text = read_missing(missing)
        except Refusal as refusal:
            errors["missing"] = self.say(refusal)
        if errors:
            return None, errors
        return Feedback(int(useful), Followed(followed), text), {}

    def _fields(self) -> dict[str, str]:
        longest = 4 * LONGEST_MESSAGE  # that is drawn again
        return {name: self.get_body_argument(name, "", strip=False)[:longest] for name in _FIELDS}

    async def _draw(
        self,
        community: str,
        slug: str,
        typed: Mapping[str, str],
        errors: Mapping[str, str] | None = None,
        *,
        status: int = 200,
    ) -> None:
        shown = await self.community(community)
        workshop, state = await self.run(view_questions, self.actor, community, slug)
        self.draw(
            "questions.html",
            status=status,
            community=shown,
            workshop=workshop,
            is_open=state is Asking.OPEN,
            is_answered=state is Asking.ANSWERED,
            typed=typed,
            errors=errors or {},
            scores=SCORES,
        )


class ResultsPage(PageHandler):
    """What the people of a workshop said."""

    async def get(self, community: str, slug: str) -> None:
        shown = await self.community(community)
        found = await self.run(view_results, self.actor, community, slug)
        asked = self.get_query_argument("from", "")
        first = int(asked[:9]) if asked.isascii() and asked.isdecimal() else 1
        first = max(1, min(first, len(found.missing)))
        self.draw(
            "feedback.html",
            community=shown,
            workshop=found.workshop,
            found=found,
            texts=found.missing[first - 1 : first - 1 + ON_A_PAGE],
            first=first,
            of_a_page=ON_A_PAGE,
        )


_WORKSHOP = r"communities/([a-z0-9-]+)/workshops/([a-z0-9-]+)"
API_HANDLERS: tuple[type[ApiHandler], ...] = (QuestionsApi, ResultsApi)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    (f"{_WORKSHOP}/questions", QuestionsPage),
    (f"{_WORKSHOP}/feedback", ResultsPage),
]
