"""My account on its page and in the API: what is mine, my ways to sign in, and their end."""

from __future__ import annotations

from http import HTTPStatus

from tornado.httpclient import HTTPError as FetchError
from tornado.web import HTTPError

from ..application.erasure import erase_me, stop_erasure
from ..application.identities import unlink_identities
from ..application.mine import DAYS, note_sign_out, view_mine
from ..application.return_keys import keep_replaced_key, replace_return_key
from ..domain.paging import Part, part_of_all
from ..domain.refusals import NotConfirmed, Refusal
from ..pages.language import current_messages
from ..pages.quotas import spent_in_words
from ..pages.refusals import grace_sentence, status_of
from . import answers, models
from .base import ServiceHandler
from .handling import ApiHandler
from .operations import operation
from .pages import PageHandler

NO_CONTENT = HTTPStatus.NO_CONTENT
# Makes one file of all others, wherever there is Python.
ARCHIVE = "python3 -m zipfile -c files.zip *"


async def end_sign_ins(handler: ServiceHandler) -> None:
    """Of who asks, here too. Raises 502 where the Hub does not do it."""
    try:
        await handler.hub_api.end_sign_ins(handler.username)
    except (FetchError, OSError) as error:
        raise HTTPError(HTTPStatus.BAD_GATEWAY) from error
    # What the Hub said of their tokens is believed for some seconds: here it is asked again at once.
    handler.hub_auth.cache.clear()


class MyWorkshopsApi(ApiHandler):
    paths = ("me/workshops",)

    @operation("My workshops, with their sessions", answer=list[answers.Workshop])
    async def get(self) -> Part[answers.Workshop]:
        mine, now = await self.run(view_mine, self.username), self.house.clock.now()
        part = part_of_all(
            (workshop for place in mine.places for workshop in place.workshops),
            lambda one: (one.starts_at.isoformat(), one.community, one.slug),
            self.page,
        )
        return part.map(lambda workshop: answers.Workshop.of(workshop, now))


class MyUsageApi(ApiHandler):
    paths = ("me/usage",)

    @operation("What I have spent in the last 30 days", answer=answers.MyUsage)
    async def get(self) -> answers.MyUsage:
        mine = await self.run(view_mine, self.username)
        return answers.MyUsage(since=mine.spent_since, amounts=dict(mine.spent))


class MySignInsApi(ApiHandler):
    paths = ("me/sign-ins",)

    @operation("Signs me out everywhere: browsers and tokens", status=NO_CONTENT, refuses=(502,))
    async def delete(self) -> None:
        await self.run(note_sign_out, self.username)
        await end_sign_ins(self)


class MyKeyApi(ApiHandler):
    """The key before works until the new one is used, or said to be kept."""

    paths = ("me/return-key",)

    @operation(
        "Makes me another return key, and tells it once",
        answer=answers.NewKey,
        refuses=(409,),
        asks_again=True,
    )
    async def post(self) -> answers.NewKey:
        nobody = self.house.chance.token()  # no browser's: it is shown here only
        key = await self.run(replace_return_key, self.username, nobody)
        return answers.NewKey(return_key=key)

    @operation(
        "I have kept the new key: the one before is void, and I am signed out everywhere",
        body=models.KeptKeyBody,
        status=NO_CONTENT,
        refuses=(409,),
        asks_again=True,
    )
    async def put(self, body: models.KeptKeyBody) -> None:
        if await self.run(keep_replaced_key, self.username, body.return_key):
            await end_sign_ins(self)


class MyIdentitiesApi(ApiHandler):
    paths = ("me/identities",)

    @operation("The accounts elsewhere that open mine", answer=list[answers.Identity])
    async def get(self) -> Part[answers.Identity]:
        linked = (await self.run(view_mine, self.username)).identities
        part = part_of_all(linked, lambda subject: (subject,), self.page)
        return part.map(lambda subject: answers.Identity(subject=subject))

    @operation(
        "Unlinks them, where a return key is kept",
        status=NO_CONTENT,
        refuses=(409,),
        asks_again=True,
    )
    async def delete(self) -> None:
        if (await self.run(view_mine, self.username)).identities:
            await self.run(unlink_identities, self.username)


class MyAccountPage(PageHandler):
    """Where I belong and until when, my ways to sign in, my files and my data."""

    asks_again = ("POST",)

    async def get(self) -> None:
        await self._draw()

    async def post(self) -> None:
        if self.get_body_argument("action", "") == "stop":
            await self.run(stop_erasure, self.username)
            self.go("me")
            return
        typed = self.get_body_argument("username", "")
        try:
            account = await self.run(erase_me, self.username, typed)
        except NotConfirmed as refusal:
            await self._draw(refusal)
            return
        is_done = await self.erase(account) is HTTPStatus.NO_CONTENT
        self.draw("erased.html", is_done=is_done)

    async def _draw(self, refusal: Refusal | None = None) -> None:
        mine = await self.run(view_mine, self.username)
        self.person = mine.person
        messages, until = current_messages(), mine.person.grace_until
        account = mine.person.account
        self.draw(
            "me.html",
            status=200 if refusal is None else status_of(refusal),
            username=self.username,
            account=account,
            mine=mine,
            spent=messages.listing(spent_in_words(*one, messages) for one in mine.spent.items()),
            days=DAYS,
            grace_notice="" if until is None else grace_sentence(until, messages),
            chosen=messages.language_name(account.language)
            if account and account.language
            else None,
            has_upstream=self.house.settings.has_upstream,
            archive=ARCHIVE,
            now=self.house.clock.now(),
            error="" if refusal is None else self.say(refusal),
        )


class SignOutPage(PageHandler):
    """Everywhere, here too. Who sees that somebody else is in as them need not sign in again first."""

    async def post(self) -> None:
        await self.run(note_sign_out, self.username)
        await end_sign_ins(self)
        self.redirect(f"{self.settings['hub_url']}logout", status=303)

    async def draw_stale(self, *path: str) -> None:
        self.go("me")


API_HANDLERS: tuple[type[ApiHandler], ...] = (
    MyWorkshopsApi,
    MyUsageApi,
    MySignInsApi,
    MyKeyApi,
    MyIdentitiesApi,
)
PAGE_ROUTES: list[tuple[str, type[PageHandler]]] = [
    ("me", MyAccountPage),
    ("me/sign-out", SignOutPage),
]
