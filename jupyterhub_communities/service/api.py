"""The REST API under `api/v1`: the same verbs as the pages, errors as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError

from ..application.batches import issue_batch, release_batch, show_batch
from ..application.communities import my_memberships, view_audit, view_community
from ..application.doubles import retire_double
from ..application.invites import IssuedInvite
from ..application.issuing import (
    change_invite,
    issue_invite,
    list_invites,
    renew_invite,
    revoke_invite,
    show_invite,
)
from ..application.members import list_members, remove_member, set_role
from ..application.notices import list_notices, put_notice_away
from ..application.people import choose_language, find_person
from ..application.reservations import view_overbooked
from ..application.waiting import admit_from_line, decline, view_lines
from ..application.workshops import (
    add_site,
    close_workshop,
    list_workshops,
    open_workshop,
    view_workshop,
)
from ..domain.grants import Role
from ..domain.refusals import NotFound, PermissionDenied
from ..pages.language import current_messages
from . import models
from .base import ServiceHandler
from .keys import approve

Body = TypeVar("Body", bound=BaseModel)


class InvalidBody(Exception):
    """The body does not have the shape that is expected."""

    def __init__(self, errors: list[dict[str, Any]]):
        super().__init__("invalid body")
        self.errors = errors


class ApiHandler(ServiceHandler):
    """Answers in JSON; tokens of the Hub, or the page's session with its form token."""

    def body(self, model: type[Body]) -> Body:
        """The request's body. Raises what `write_error` tells with each wrong field."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind != "application/json":
            raise HTTPError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            return model.model_validate_json(self.request.body)
        except ValidationError as error:
            raise InvalidBody(
                [
                    {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]}
                    for e in error.errors(include_url=False, include_input=False)
                ]
            ) from error

    def issued(self, issued: IssuedInvite) -> models.Json:
        return models.issued_json(issued, self.join_link(issued.link))

    def answer(self, data: Any, *, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(data, ensure_ascii=False))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        problem: dict[str, Any]
        if isinstance(error, InvalidBody):
            status, code = 422, "body.invalid"
            sentence = current_messages().gettext("Some fields are missing or wrong.")
            problem = {"errors": error.errors}
        else:
            status, code, sentence = self.error_of(status_code, **kwargs)
            problem = {}
        self.set_status(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", "Bearer")
        self.set_header("Content-Type", "application/problem+json")
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": sentence,
            "code": code,
            **problem,
        }
        self.finish(json.dumps(problem, ensure_ascii=False))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, InvalidBody):
            super().log_exception(typ, value, tb)


class MeApi(ApiHandler):
    async def get(self) -> None:
        memberships = [
            membership for membership in await self.run(my_memberships, self.person.actor())
        ]
        self.answer(models.person_json(self.username, self.person, memberships))

    async def patch(self) -> None:
        await self.run(choose_language, self.username, self.body(models.LanguageBody).language)
        self.person = await self.run(find_person, self.username)
        await self.get()


class CommunitiesApi(ApiHandler):
    async def get(self) -> None:
        memberships = await self.run(my_memberships, self.actor)
        self.answer([models.community_json(m.community) for m in memberships])


class CommunityApi(ApiHandler):
    async def get(self, slug: str) -> None:
        self.answer(models.community_json(await self.run(view_community, self.actor, slug)))


class MembersApi(ApiHandler):
    async def get(self, slug: str) -> None:
        members = await self.run(list_members, self.actor, slug)
        self.answer([models.member_json(member) for member in members])


class MemberApi(ApiHandler):
    async def get(self, slug: str, username: str) -> None:
        for member in await self.run(list_members, self.actor, slug):
            if member.account.username == username:
                self.answer(models.member_json(member))
                return
        raise NotFound(kind="member")

    async def put(self, slug: str, username: str) -> None:
        role = Role.from_label(self.body(models.RoleBody).role)
        member = await self.run(set_role, self.actor, slug, username, role)
        await self.push_groups(username)
        self.answer(models.member_json(member))

    async def delete(self, slug: str, username: str) -> None:
        await self.run(remove_member, self.actor, slug, username)
        await self.push_groups(username)
        self.set_status(HTTPStatus.NO_CONTENT)


class WorkshopsApi(ApiHandler):
    async def get(self, slug: str) -> None:
        now = self.house.clock.now()
        workshops = await self.run(list_workshops, self.actor, slug)
        self.answer([models.workshop_json(workshop, now) for workshop in workshops])

    async def post(self, slug: str) -> None:
        body = self.body(models.WorkshopBody)
        opened = await self.run(open_workshop, self.actor, slug, body.wanted())
        workshop = opened.workshop
        self.set_header(
            "Location",
            f"{self.settings['prefix']}api/v1/communities/{slug}/workshops/{workshop.slug}",
        )
        self.answer(
            {
                **models.workshop_json(workshop, self.house.clock.now()),
                "invite": self.issued(opened.learner_invite),
            },
            status=HTTPStatus.CREATED,
        )


class WorkshopApi(ApiHandler):
    async def get(self, community: str, slug: str) -> None:
        view = await self.run(view_workshop, self.actor, community, slug)
        issued = view.learner_invite
        self.answer(
            {
                **models.workshop_view_json(view, self.house.clock.now()),
                "invite": None if issued is None else self.issued(issued),
            }
        )


class OverbookingsApi(ApiHandler):
    """`communities/{c}/overbookings`, and `hub/overbookings` for the operator."""

    async def get(self, slug: str | None = None) -> None:
        found = await self.run(view_overbooked, self.actor, slug)
        self.answer([models.overbooking_json(one) for one in found.overbookings])


class CloseWorkshopApi(ApiHandler):
    async def post(self, community: str, slug: str) -> None:
        workshop = await self.run(close_workshop, self.actor, community, slug)
        self.answer(models.workshop_json(workshop, self.house.clock.now()))


class BoardApi(ApiHandler):
    async def get(self, community: str, slug: str) -> None:
        view = await self.run(view_workshop, self.actor, community, slug)
        if view.board is None:
            raise PermissionDenied(needs="helper")
        self.answer([models.board_json(row) for row in view.board])


class KeysApi(ApiHandler):
    async def post(self, community: str, workshop: str | None = None) -> None:
        body = self.body(models.KeyBody)
        account = await approve(self, community, workshop, body.username, body.number)
        self.answer({"username": account.username, "display_name": account.display_name})


class RetireApi(ApiHandler):
    async def post(self, community: str, workshop: str, username: str) -> None:
        await self.run(retire_double, self.actor, community, workshop, username)
        await self.push_groups(username)
        self.set_status(HTTPStatus.NO_CONTENT)


class NoticesApi(ApiHandler):
    async def get(self) -> None:
        notices = await self.run(list_notices, self.username)
        self.answer([models.notice_json(notice) for notice in notices])


class NoticeApi(ApiHandler):
    async def delete(self, notice: str) -> None:
        await self.run(put_notice_away, self.username, notice)
        self.set_status(HTTPStatus.NO_CONTENT)


class InvitesApi(ApiHandler):
    async def get(self, slug: str) -> None:
        invites = await self.run(list_invites, self.actor, slug)
        self.answer([models.invite_json(invite) for invite in invites])

    async def post(self, slug: str) -> None:
        body = self.body(models.InviteBody)
        issued = await self.run(issue_invite, self.actor, slug, body.wanted())
        self.set_header(
            "Location",
            f"{self.settings['prefix']}api/v1/communities/{slug}/invites/{issued.invite.id}",
        )
        self.answer(self.issued(issued), status=HTTPStatus.CREATED)


class InviteApi(ApiHandler):
    async def get(self, slug: str, invite: str) -> None:
        self.answer(self.issued(await self.run(show_invite, self.actor, slug, invite)))

    async def patch(self, slug: str, invite: str) -> None:
        change = self.body(models.InviteChangeBody).change()
        changed = await self.run(change_invite, self.actor, slug, invite, change)
        self.answer(models.invite_json(changed))


class RenewInviteApi(ApiHandler):
    async def post(self, slug: str, invite: str) -> None:
        self.answer(self.issued(await self.run(renew_invite, self.actor, slug, invite)))


class RevokeInviteApi(ApiHandler):
    async def post(self, slug: str, invite: str) -> None:
        body = self.body(models.RevokeBody) if self.request.body else models.RevokeBody()
        revoked = await self.run(
            revoke_invite, self.actor, slug, invite, with_grants=body.with_grants
        )
        for username in revoked.usernames:
            await self.push_groups(username)
        self.answer(models.invite_json(revoked.invite))


class BatchesApi(ApiHandler):
    async def post(self, slug: str) -> None:
        body = self.body(models.BatchBody)
        batch = await self.run(issue_batch, self.actor, slug, body.names, body.wanted())
        self.set_header(
            "Location",
            f"{self.settings['prefix']}api/v1/communities/{slug}/batches/{batch[0].invite.batch}",
        )
        self.answer([self.issued(issued) for issued in batch], status=HTTPStatus.CREATED)


class BatchApi(ApiHandler):
    async def get(self, slug: str, batch: str) -> None:
        unclaimed = await self.run(show_batch, self.actor, slug, batch)
        self.answer([self.issued(issued) for issued in unclaimed])


class ReleaseBatchApi(ApiHandler):
    async def post(self, slug: str, batch: str) -> None:
        self.answer({"released": await self.run(release_batch, self.actor, slug, batch)})


class SitesApi(ApiHandler):
    async def post(self, community: str, slug: str) -> None:
        body = self.body(models.SiteBody)
        site = await self.run(add_site, self.actor, community, slug, name=body.name, zone=body.zone)
        self.answer(models.site_json(site), status=HTTPStatus.CREATED)


class WaitingApi(ApiHandler):
    async def get(self, community: str, slug: str) -> None:
        now = self.house.clock.now()
        lines = await self.run(view_lines, self.actor, community, slug)
        self.answer([models.ticket_json(ticket, now) for line in lines for ticket in line.tickets])


class AdmitApi(ApiHandler):
    async def post(self, community: str, ticket: str) -> None:
        admitted = await self.run(admit_from_line, self.actor, community, ticket)
        self.answer(models.ticket_json(admitted, self.house.clock.now()))


class DeclineApi(ApiHandler):
    async def post(self, community: str, ticket: str) -> None:
        await self.run(decline, self.actor, community, ticket)
        self.set_status(HTTPStatus.NO_CONTENT)


class AuditApi(ApiHandler):
    async def get(self, slug: str) -> None:
        entries = await self.run(view_audit, self.actor, slug)
        self.answer([models.audit_json(entry) for entry in entries])


class NotFoundApi(ApiHandler):
    async def prepare(self) -> None:
        await super().prepare()
        raise HTTPError(404)


_SLUG = r"([a-z0-9-]+)"
ROUTES: list[tuple[str, type[ApiHandler]]] = [
    ("me", MeApi),
    ("me/notices", NoticesApi),
    ("me/notices/([0-9a-f]+)", NoticeApi),
    ("communities", CommunitiesApi),
    (f"communities/{_SLUG}", CommunityApi),
    (f"communities/{_SLUG}/members", MembersApi),
    (f"communities/{_SLUG}/members/([^/]+)", MemberApi),
    (f"communities/{_SLUG}/workshops", WorkshopsApi),
    (f"communities/{_SLUG}/overbookings", OverbookingsApi),
    ("hub/overbookings", OverbookingsApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}", WorkshopApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}/close", CloseWorkshopApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}/board", BoardApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}/keys", KeysApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}/board/([^/]+)/retire", RetireApi),
    (f"communities/{_SLUG}/keys", KeysApi),
    (f"communities/{_SLUG}/invites", InvitesApi),
    (f"communities/{_SLUG}/invites/([0-9a-f]+)", InviteApi),
    (f"communities/{_SLUG}/invites/([0-9a-f]+)/renew", RenewInviteApi),
    (f"communities/{_SLUG}/invites/([0-9a-f]+)/revoke", RevokeInviteApi),
    (f"communities/{_SLUG}/batches", BatchesApi),
    (f"communities/{_SLUG}/batches/([0-9a-f]+)", BatchApi),
    (f"communities/{_SLUG}/batches/([0-9a-f]+)/release", ReleaseBatchApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}/sites", SitesApi),
    (f"communities/{_SLUG}/workshops/{_SLUG}/waiting", WaitingApi),
    (f"communities/{_SLUG}/waiting/([0-9a-f]+)/admit", AdmitApi),
    (f"communities/{_SLUG}/waiting/([0-9a-f]+)/decline", DeclineApi),
    (f"communities/{_SLUG}/audit", AuditApi),
    (".*", NotFoundApi),
]
