"""The REST API under `api/v1`: the same verbs as the pages. Each method is declared, see
`operations`; other modules have the others."""

from __future__ import annotations

from http import HTTPStatus

from tornado.web import HTTPError

from ..application.batches import issue_batch, page_of_batch, release_batch
from ..application.changing import change_workshop
from ..application.communities import my_memberships
from ..application.invites import IssuedInvite
from ..application.issuing import (
    change_invite,
    issue_invite,
    page_of_invites,
    renew_invite,
    revoke_invite,
    show_invite,
)
from ..application.members import remove_member, set_role, view_member
from ..application.mine import view_mine
from ..application.notices import list_notices, put_notice_away
from ..application.people import choose_language
from ..application.ports import Desk
from ..application.reservations import view_overbooked
from ..application.waiting import admit_from_line, decline, view_lines
from ..application.workshops import (
    OpenedWorkshop,
    add_site,
    close_workshop,
    open_workshop,
    page_of_workshops,
    view_workshop,
)
from ..domain.grants import Role
from ..domain.paging import Page, Part, part_of_all
from . import answers, models
from .batches import drawn_for
from .handling import ApiHandler
from .keys import approve
from .operations import operation

CREATED, NO_CONTENT = HTTPStatus.CREATED, HTTPStatus.NO_CONTENT


class MeApi(ApiHandler):
    """`ends` has its end."""

    @operation("Who I am, and where I belong", answer=answers.Me, is_versioned=True)
    async def get(self) -> answers.Me:
        return await self.me()

    @operation(
        "Chooses my language", body=models.LanguageBody, answer=answers.Me, is_versioned=True
    )
    async def patch(self, body: models.LanguageBody) -> answers.Me:
        await self.run(choose_language, self.username, body.language, expected=self.expected)
        return await self.me()

    async def me(self) -> answers.Me:
        mine = await self.run(view_mine, self.username)
        self.version = mine.person.version
        return answers.Me.of(self.username, mine)


class NoticesApi(ApiHandler):
    paths = ("me/notices",)

    @operation("What others did that I should know of", answer=list[answers.Notice])
    async def get(self) -> Part[answers.Notice]:
        notices = await self.run(list_notices, self.username)
        part = part_of_all(notices, lambda one: (one.created_at.isoformat(), one.id), self.page)
        return part.map(answers.Notice.of)


class NoticeApi(ApiHandler):
    paths = ("me/notices/{notice}",)

    @operation("Puts a notice away", status=NO_CONTENT)
    async def delete(self, notice: str) -> None:
        await self.run(put_notice_away, self.username, notice)


class CommunitiesApi(ApiHandler):
    """`operating` founds them."""

    @operation("My communities; for the operator all", answer=list[answers.Community])
    async def get(self) -> Part[answers.Community]:
        memberships = await self.run(my_memberships, self.actor)
        part = part_of_all(memberships, lambda one: (one.community.slug,), self.page)
        return part.map(lambda one: answers.Community.of(one.community))


class MemberApi(ApiHandler):
    paths = ("communities/{community}/members/{username}",)

    @operation("One person of a community", answer=answers.Member, is_versioned=True)
    async def get(self, community: str, username: str) -> answers.Member:
        member = await self.run(view_member, self.actor, community, username)
        self.version = member.version
        return answers.Member.of(member)

    @operation(
        "Gives somebody a role in the community",
        body=models.RoleBody,
        answer=answers.Member,
        refuses=(409,),
        is_versioned=True,
        asks_again=True,
    )
    async def put(self, community: str, username: str, body: models.RoleBody) -> answers.Member:
        place, role = (self.actor, community, username), Role.from_label(body.role)
        member = await self.run(set_role, *place, role, expected=self.expected)
        await self.push_groups(username)
        self.version = member.version
        return answers.Member.of(member)

    @operation(
        "Removes somebody from the community, or leaves it",
        status=NO_CONTENT,
        refuses=(409,),
        is_versioned=True,
    )
    async def delete(self, community: str, username: str) -> None:
        place = (self.actor, community, username)
        await self.run(remove_member, *place, expected=self.expected)
        await self.push_groups(username)


class WorkshopsApi(ApiHandler):
    paths = ("communities/{community}/workshops",)

    @operation("The community's workshops, newest first", answer=list[answers.Workshop])
    async def get(self, community: str) -> Part[answers.Workshop]:
        now = self.house.clock.now()
        part = await self.run(page_of_workshops, self.actor, community, self.page)
        return part.map(lambda workshop: answers.Workshop.of(workshop, now))

    @operation(
        "Opens a workshop, with its learner code",
        body=models.WorkshopBody,
        answer=answers.OpenedWorkshop,
        status=CREATED,
        refuses=(409,),
        is_once=True,
        asks_again=True,
    )
    async def post(self, community: str, body: models.WorkshopBody) -> None:
        def show(opened: OpenedWorkshop) -> answers.OpenedWorkshop:
            invite = self.issued(opened.learner_invite)
            now = self.house.clock.now()
            return answers.OpenedWorkshop.opened(opened.workshop, now, invite)

        await self.make(
            lambda desk: open_workshop(desk, self.actor, community, body.wanted()),
            show,
            body,
            at=lambda opened: f"communities/{community}/workshops/{opened.workshop.slug}",
        )


class WorkshopApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}",)

    @operation("One workshop", answer=answers.WorkshopView, is_versioned=True)
    async def get(self, community: str, workshop: str) -> answers.WorkshopView:
        return await self.view(community, workshop)

    @operation(
        "Changes a workshop: all that is said, or nothing",
        body=models.WorkshopChangeBody,
        answer=answers.WorkshopView,
        refuses=(409,),
        is_versioned=True,
    )
    async def patch(
        self, community: str, workshop: str, body: models.WorkshopChangeBody
    ) -> answers.WorkshopView:
        place = (self.actor, community, workshop)
        await self.run(change_workshop, *place, body.change(), expected=self.expected)
        return await self.view(community, workshop)

    async def view(self, community: str, workshop: str) -> answers.WorkshopView:
        view = await self.run(view_workshop, self.actor, community, workshop)
        self.version = view.workshop.version
        shown = view.learner_invite if self.has_proved else None
        issued = None if shown is None else self.issued(shown)
        return answers.WorkshopView.viewed(view, self.house.clock.now(), issued)


class CloseWorkshopApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/close",)

    @operation("Closes a workshop and its codes; who is in stays in", answer=answers.Workshop)
    async def post(self, community: str, workshop: str) -> answers.Workshop:
        closed = await self.run(close_workshop, self.actor, community, workshop)
        return answers.Workshop.of(closed, self.house.clock.now())


class KeysApi(ApiHandler):
    paths = (
        "communities/{community}/keys",
        "communities/{community}/workshops/{workshop}/keys",
    )

    @operation(
        "Approves a new return key, by the number that the person sees",
        body=models.KeyBody,
        answer=answers.ApprovedKey,
        asks_again=True,
    )
    async def post(
        self, community: str, body: models.KeyBody, workshop: str | None = None
    ) -> answers.ApprovedKey:
        account = await approve(self, community, workshop, body.username, body.number)
        return answers.ApprovedKey(username=account.username, display_name=account.display_name)


class SitesApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/sites",)

    @operation(
        "Adds a site to a workshop",
        body=models.SiteBody,
        answer=answers.Site,
        status=CREATED,
        refuses=(409,),
        is_once=True,
    )
    async def post(self, community: str, workshop: str, body: models.SiteBody) -> None:
        site = {"name": body.name, "zone": body.zone}
        country = body.country
        await self.make(
            lambda desk: add_site(desk, self.actor, community, workshop, **site, country=country),
            answers.Site.of,
            body,
        )


class OverbookingsApi(ApiHandler):
    paths = ("communities/{community}/overbookings", "hub/overbookings")

    @operation(
        "Where more is reserved than there is, and who must give", answer=list[answers.Overbooking]
    )
    async def get(self, community: str | None = None) -> Part[answers.Overbooking]:
        found = await self.run(view_overbooked, self.actor, community)
        part = part_of_all(
            found.overbookings,
            lambda one: (one.is_hub, one.resource, one.starts_at.isoformat()),
            self.page,
        )
        return part.map(answers.Overbooking.of)


class InvitesApi(ApiHandler):
    paths = ("communities/{community}/invites",)

    @operation("The community's invites, newest first", answer=list[answers.Invite])
    async def get(self, community: str) -> Part[answers.Invite]:
        part = await self.run(page_of_invites, self.actor, community, self.page)
        return part.map(answers.Invite.of)

    @operation(
        "Issues an invite, with its code and link",
        body=models.InviteBody,
        answer=answers.IssuedInvite,
        status=CREATED,
        refuses=(409,),
        is_once=True,
        asks_again=True,
    )
    async def post(self, community: str, body: models.InviteBody) -> None:
        await self.make(
            lambda desk: issue_invite(desk, self.actor, community, body.wanted()),
            self.issued,
            body,
            at=lambda issued: f"communities/{community}/invites/{issued.invite.id}",
        )


class InviteApi(ApiHandler):
    paths = ("communities/{community}/invites/{invite}",)

    @operation(
        "One invite, with its code and link",
        answer=answers.IssuedInvite,
        refuses=(409,),
        is_versioned=True,
        asks_again=True,
    )
    async def get(self, community: str, invite: str) -> answers.IssuedInvite:
        issued = await self.run(show_invite, self.actor, community, invite)
        self.version = issued.invite.version
        return self.issued(issued)

    @operation(
        "Changes an invite; what is left out stays",
        body=models.InviteChangeBody,
        answer=answers.Invite,
        refuses=(409,),
        is_versioned=True,
    )
    async def patch(
        self, community: str, invite: str, body: models.InviteChangeBody
    ) -> answers.Invite:
        place = (self.actor, community, invite)
        changed = await self.run(change_invite, *place, body.change(), expected=self.expected)
        self.version = changed.version
        return answers.Invite.of(changed)


class RenewInviteApi(ApiHandler):
    paths = ("communities/{community}/invites/{invite}/renew",)

    @operation(
        "Another code and link in place of leaked ones",
        answer=answers.IssuedInvite,
        is_once=True,
        asks_again=True,
    )
    async def post(self, community: str, invite: str) -> None:
        await self.make(lambda desk: renew_invite(desk, self.actor, community, invite), self.issued)


class RevokeInviteApi(ApiHandler):
    paths = ("communities/{community}/invites/{invite}/revoke",)

    @operation(
        "Revokes an invite, alone or with what it granted",
        body=models.RevokeBody,
        is_body_optional=True,
        answer=answers.Invite,
    )
    async def post(self, community: str, invite: str, body: models.RevokeBody) -> answers.Invite:
        place = (self.actor, community, invite)
        revoked = await self.run(revoke_invite, *place, with_grants=body.with_grants)
        for username in revoked.usernames:
            await self.push_groups(username)
        return answers.Invite.of(revoked.invite)


class BatchesApi(ApiHandler):
    paths = ("communities/{community}/batches",)

    @operation(
        "Issues a personal code of one seat for each name; answers like the batch itself",
        body=models.BatchBody,
        answer=list[answers.IssuedInvite],
        status=CREATED,
        refuses=(409,),
        is_once=True,
        asks_again=True,
    )
    async def post(self, community: str, body: models.BatchBody) -> None:
        if await self.is_repeated(body):
            return
        place, wanted = (self.actor, community), body.wanted()
        drawn = await drawn_for(self, community, body.names, wanted)

        def issue(desk: Desk) -> Part[IssuedInvite]:
            issue_batch(desk, *place, drawn, wanted)
            return page_of_batch(desk, *place, drawn.id, Page())

        await self.make(
            issue,
            lambda part: part.map(self.issued),
            body,
            at=lambda _: f"communities/{community}/batches/{drawn.id}",
        )


class BatchApi(ApiHandler):
    paths = ("communities/{community}/batches/{batch}",)

    @operation(
        "The unclaimed codes of a batch, by the names that they are for",
        answer=list[answers.IssuedInvite],
        refuses=(409,),
        asks_again=True,
    )
    async def get(self, community: str, batch: str) -> Part[answers.IssuedInvite]:
        part = await self.run(page_of_batch, self.actor, community, batch, self.page)
        return part.map(self.issued)


class ReleaseBatchApi(ApiHandler):
    paths = ("communities/{community}/batches/{batch}/release",)

    @operation("Gives the unclaimed seats of a batch to whoever comes", answer=answers.Released)
    async def post(self, community: str, batch: str) -> answers.Released:
        released = await self.run(release_batch, self.actor, community, batch)
        return answers.Released(released=released)


class WaitingApi(ApiHandler):
    paths = ("communities/{community}/workshops/{workshop}/waiting",)

    @operation("Who waits at a workshop's codes", answer=list[answers.Ticket])
    async def get(self, community: str, workshop: str) -> Part[answers.Ticket]:
        now = self.house.clock.now()
        lines = await self.run(view_lines, self.actor, community, workshop)
        tickets = (ticket for line in lines for ticket in line.tickets)
        part = part_of_all(
            tickets, lambda one: (one.created_at.isoformat(), one.invite_id, one.number), self.page
        )
        return part.map(lambda ticket: answers.Ticket.of(ticket, now))


class AdmitApi(ApiHandler):
    paths = ("communities/{community}/waiting/{ticket}/admit",)

    @operation("Lets somebody in, who gets the next free seat", answer=answers.Ticket)
    async def post(self, community: str, ticket: str) -> answers.Ticket:
        admitted = await self.run(admit_from_line, self.actor, community, ticket)
        return answers.Ticket.of(admitted, self.house.clock.now())


class DeclineApi(ApiHandler):
    paths = ("communities/{community}/waiting/{ticket}/decline",)

    @operation("Takes somebody out of the line", status=NO_CONTENT)
    async def post(self, community: str, ticket: str) -> None:
        await self.run(decline, self.actor, community, ticket)


class NotFoundApi(ApiHandler):
    async def prepare(self) -> None:
        await super().prepare()
        raise HTTPError(404)


HANDLERS: tuple[type[ApiHandler], ...] = (
    NoticesApi,
    NoticeApi,
    MemberApi,
    WorkshopsApi,
    WorkshopApi,
    CloseWorkshopApi,
    KeysApi,
    SitesApi,
    OverbookingsApi,
    InvitesApi,
    InviteApi,
    RenewInviteApi,
    RevokeInviteApi,
    BatchesApi,
    BatchApi,
    ReleaseBatchApi,
    WaitingApi,
    AdmitApi,
    DeclineApi,
)
