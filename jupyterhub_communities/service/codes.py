"""The pages for codes: all of a community or a workshop, and one by one."""

from __future__ import annotations

from http import HTTPStatus

from tornado.web import HTTPError

from ..application.batches import issue_batch
from ..application.codes import view_code, view_codes
from ..application.issuing import (
    InviteChange,
    change_invite,
    issue_invite,
    renew_invite,
    revoke_invite,
)
from ..application.waiting import admit_from_line, decline
from ..application.workshops import add_site
from ..domain.refusals import NamesInvalid, Refusal, TitleInvalid, VersionOutdated
from ..domain.workshops import MOST_SEATS
from ..pages.language import current_messages, refine_language
from ..pages.refusals import status_of
from .batches import drawn_for
from .code_form import CodeForm
from .names_file import read_names
from .pages import ALWAYS, PageHandler, qr_picture


class CodesPage(PageHandler):
    """All codes, and the forms for new ones and for sites."""

    async def get(self, community: str, slug: str | None = None) -> None:
        await self._draw(community, slug, CodeForm.fresh())

    async def post(self, community: str, slug: str | None = None) -> None:
        action = self.get_body_argument("action", "")
        form = CodeForm.read(self.get_body_argument)
        try:
            if action == "site" and slug is not None:
                await self._add_site(community, slug)
                self.go(_codes_of(community, slug))
            else:
                await self._make(community, slug, form, action)
        except Refusal as refusal:
            field = "site_name" if isinstance(refusal, TitleInvalid) else "form"
            form.errors[field if action == "site" else "form"] = self.say(refusal)
            await self._draw(community, slug, form, status=status_of(refusal))

    async def draw_stale(self, *path: str) -> None:
        form = CodeForm.read(self.get_body_argument)
        form.errors["form"] = current_messages().gettext("Please send the form once more.")
        await self._draw(path[0], path[1] if len(path) > 1 else None, form)

    async def _add_site(self, community: str, slug: str) -> None:
        await self.run(
            add_site,
            self.actor,
            community,
            slug,
            name=self.get_body_argument("site_name", ""),
            zone=self.get_body_argument("site_zone", ""),
            country=self.get_body_argument("site_country", ""),
        )

    async def _make(self, community: str, slug: str | None, form: CodeForm, action: str) -> None:
        view = await self.run(view_codes, self.actor, community, slug)
        wanted = form.new_invite(view.workshop)
        if wanted is None:
            await self._draw(community, slug, form, status=400)
        elif action == "batch":
            given = await self.house.compute(read_names, self._names_given(form))
            names = [name for _, name in given]
            try:
                drawn = await drawn_for(self, community, names, wanted)
            except NamesInvalid as refusal:
                lines = (given[number - 1][0] for number in refusal.lines)
                raise NamesInvalid(tuple(lines), most=refusal.most) from refusal
            await self.run(issue_batch, self.actor, community, drawn, wanted)
            self.go(f"communities/{community}/batches/{drawn.id}")
        else:
            issued = await self.run(issue_invite, self.actor, community, wanted)
            self.go(f"communities/{community}/codes/{issued.invite.id}")

    def _names_given(self, form: CodeForm) -> bytes:
        """The file that was chosen, else what was typed."""
        files = self.request.files.get("names_file", [])
        if files and files[0]["body"]:
            body: bytes = files[0]["body"]
            return body
        return form.values["names"].encode()

    async def _draw(
        self, community: str, slug: str | None, form: CodeForm, *, status: int = 200
    ) -> None:
        view = await self.run(view_codes, self.actor, community, slug)
        refine_language(community=view.community.language)
        self.draw(
            "codes.html",
            status=status,
            community=view.community,
            workshop=view.workshop,
            view=view,
            form=form,
            now=self.house.clock.now(),
            page_base=self.settings["prefix"] + _codes_of(community, slug),
        )


class InvitePage(PageHandler):
    """One code: shown, changed, renewed, revoked."""

    asks_again = ALWAYS
    keeps_typed = True

    async def get(self, community: str, invite_id: str) -> None:
        await self._draw(community, invite_id)

    async def post(self, community: str, invite_id: str) -> None:
        action = self.get_body_argument("action", "")
        verb, form = (self.actor, community, invite_id), None
        try:
            if action == "renew":
                await self.run(renew_invite, *verb)
            elif action in ("revoke", "revoke_all"):
                revoked = await self.run(revoke_invite, *verb, with_grants=action == "revoke_all")
                for username in revoked.usernames:
                    await self.push_groups(username)
            elif action in ("pause", "resume"):
                await self.run(change_invite, *verb, InviteChange(is_paused=action == "pause"))
            elif action == "change":
                form = CodeForm.read(self.get_body_argument)
                view = await self.run(view_code, *verb)
                change = form.change(view.zone, most=max(MOST_SEATS, view.invite.seats or 0))
                if change is None:
                    await self._draw(community, invite_id, form, status=400)
                    return
                await self.run(change_invite, *verb, change, expected={form.values["version"]})
            else:
                raise HTTPError(HTTPStatus.BAD_REQUEST)
        except VersionOutdated as refusal:
            await self._draw(
                community, invite_id, form, is_outdated=True, status=status_of(refusal)
            )
        except Refusal as refusal:
            status, error = status_of(refusal), self.say(refusal)
            await self._draw(community, invite_id, form, error=error, status=status)
        else:
            self.go(f"communities/{community}/codes/{invite_id}")

    async def draw_stale(self, *path: str) -> None:
        if self.get_body_argument("action", "") != "change":
            self.redirect(self.request.path, status=303)
            return
        error = current_messages().gettext("Please send the form once more.")
        await self._draw(path[0], path[1], CodeForm.read(self.get_body_argument), error=error)

    async def _draw(
        self,
        community: str,
        invite_id: str,
        form: CodeForm | None = None,
        *,
        status: int = 200,
        error: str = "",
        is_outdated: bool = False,
    ) -> None:
        view = await self.run(view_code, self.actor, community, invite_id)
        refine_language(community=view.community.language)
        link = "" if view.issued is None else self.join_link(view.issued.link)
        stands = CodeForm.of(view.invite, view.zone)
        form = form or stands
        if is_outdated:
            form.values["version"] = view.invite.version  # they see it: the next time counts
        self.draw(
            "code.html",
            status=status,
            community=view.community,
            invite=view.invite,
            issued=view.issued,
            zone=view.zone,
            join_link=link,
            join_address=self.join_address(),
            qr=qr_picture(link) if link else "",
            form=form,
            differing=form.differing(stands),
            is_outdated=is_outdated,
            error=error,
            now=self.house.clock.now(),
        )


class WaitingPart(PageHandler):
    """A click on the board: somebody in line is let in or not, or there are more seats."""

    async def post(self, community: str, slug: str) -> None:
        action, _, target = self.get_body_argument("action", "").partition(" ")
        if action == "admit":
            await self.run(admit_from_line, self.actor, community, target)
        elif action == "decline":
            await self.run(decline, self.actor, community, target)
        elif action == "seats":
            more = self.get_body_argument("more", "")[:9]
            change = InviteChange(more_seats=int(more) if more.isdecimal() else 0)
            await self.run(change_invite, self.actor, community, target, change)
        else:
            raise HTTPError(HTTPStatus.BAD_REQUEST)
        self.go(f"communities/{community}/workshops/{slug}#people")

    async def draw_stale(self, *path: str) -> None:
        self.go(f"communities/{path[0]}/workshops/{path[1]}")


def _codes_of(community: str, slug: str | None) -> str:
    return f"communities/{community}" + (f"/workshops/{slug}" if slug else "") + "/codes"
