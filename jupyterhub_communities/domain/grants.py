"""Grants: the reasons for being in, and the role that they amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from .communities import group_name
from .refusals import PermissionDenied, RoleTooHigh


class Role(IntEnum):
    """What a person may do at a place. The Hub's own roles are called `hub_role`."""

    LEARNER = 1
    HELPER = 2
    INSTRUCTOR = 3
    CHAMPION = 4

    @property
    def label(self) -> str:
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> Role:
        """The role called so in the API and the file. Raises `KeyError`."""
        return cls[label.upper()]


class Source(StrEnum):
    """Where a grant comes from; removing one source leaves the others alone."""

    INVITE = "invite"
    IDP = "idp"
    DECLARED = "declared"
    CHAMPION = "champion"
    TRAINING = "training"  # what a workshop promised to those who complete it


# A grant that has just begun holds on although the clock is set back, or another machine's is late.
CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Grant:
    """One reason for being in. Whether it holds is computed from its times, never stored."""

    id: str
    account_id: str
    role: Role
    community: str
    workshop: str | None  # None: the whole community
    source: Source
    made_by: str | None  # account id
    starts_at: datetime
    ends_at: datetime | None = None  # None: without end
    revoked_at: datetime | None = None
    site: str | None = None  # None: the whole workshop

    def holds(self, now: datetime) -> bool:
        if self.revoked_at is not None or now < self.starts_at - CLOCK_SLACK:
            return False
        return self.ends_at is None or now < self.ends_at

    def covers(self, community: str, workshop: str | None, site: str | None = None) -> bool:
        return (
            self.community == community
            and self.workshop in (None, workshop)
            and self.site in (None, site)
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an account with its unlapsed grants, or the operator."""

    account_id: str | None
    grants: tuple[Grant, ...] = ()
    is_operator: bool = False

    def role_at(
        self, community: str, workshop: str | None = None, site: str | None = None
    ) -> Role | None:
        """The highest grant that covers the place. The operator may what a champion may.

        At the workshop itself the staff of one of its sites are learners like everybody there.
        """
        if self.is_operator:
            return Role.CHAMPION
        roles = [grant.role for grant in self.grants if grant.covers(community, workshop, site)]
        if not roles and workshop is not None and self.sites_of(community, workshop):
            return Role.LEARNER
        return max(roles, default=None)

    def sites_of(
        self, community: str, workshop: str, lowest: Role = Role.LEARNER
    ) -> frozenset[str]:
        """The sites of a workshop where a grant for just that site gives at least this role."""
        return frozenset(
            grant.site
            for grant in self.grants
            if grant.site is not None
            and (grant.community, grant.workshop) == (community, workshop)
            and grant.role >= lowest
        )

    def answers_for(
        self, role: Role, community: str, workshop: str | None = None, site: str | None = None
    ) -> str | None:
        """The account whose own role, at least this one, stands behind what is made at a place: it
        ends with that role. None: the operator, who needs none there."""
        if self.is_operator:
            own = Actor(self.account_id, self.grants).role_at(community, workshop, site)
            if own is None or own < role:
                return None
        return self.account_id

    def is_member(self, community: str) -> bool:
        """Has any grant in the community, be it for one workshop only."""
        return self.is_operator or any(grant.community == community for grant in self.grants)


NOBODY = Actor(account_id=None)


class Verb(StrEnum):
    """What can be done, as the audit names it."""

    VIEW_COMMUNITY = "community:view"
    VIEW_MEMBERS = "members:view"
    SET_ROLE = "member:set-role"
    REMOVE_MEMBER = "member:remove"
    OFFER_ROLE = "offer:make"
    CHANGE_COMMUNITY = "community:change"
    OPEN_WORKSHOP = "workshop:open"
    CHANGE_WORKSHOP = "workshop:change"
    CLOSE_WORKSHOP = "workshop:close"
    WRITE_MESSAGE = "workshop:message"
    REHEARSE = "workshop:rehearse"
    VIEW_BOARD = "workshop:view-board"
    ISSUE_INVITE = "invite:issue"
    SHOW_CODE = "invite:show-code"
    CHANGE_INVITE = "invite:change"
    REVOKE_INVITE = "invite:revoke"
    ADMIT = "workshop:admit"
    APPROVE_KEY = "return-key:approve"
    RETIRE_DOUBLE = "account:retire"
    RESTART_SERVER = "server:restart"
    STOP_SERVER = "server:stop"
    ASK_FOR_HELP = "help:ask"
    ANSWER_HELP = "help:answer"
    ERASE = "account:erase"
    VIEW_QUOTA = "quota:view"
    SET_QUOTA = "quota:set"
    TRY_QUOTA = "quota:try"
    VIEW_USAGE = "usage:view"
    VIEW_USAGE_OF_PEOPLE = "usage:view-people"
    VIEW_AUDIT = "audit:view"
    PROMISE_ROLE = "workshop:promise"
    GIVE_PROMISED = "training:give"
    VIEW_FEEDBACK = "feedback:view"
    VIEW_NUMBERS = "numbers:view"
    PUBLISH = "community:publish"
    BE_NAMED = "champion:name"
    VIEW_COHORT = "cohort:view"
    ASK_FOR_MORE = "share:ask"
    LEND = "loan:make"
    SHARE_TEMPLATE = "template:share"
    VIEW_TEMPLATES = "template:view"


# The lowest role that may, at the place where it is asked. One table; a test walks it.
LOWEST_ROLE: dict[Verb, Role] = {
    Verb.VIEW_COMMUNITY: Role.LEARNER,
    Verb.VIEW_MEMBERS: Role.INSTRUCTOR,
    Verb.SET_ROLE: Role.CHAMPION,
    Verb.REMOVE_MEMBER: Role.CHAMPION,
    Verb.OFFER_ROLE: Role.CHAMPION,
    Verb.CHANGE_COMMUNITY: Role.CHAMPION,
    Verb.OPEN_WORKSHOP: Role.INSTRUCTOR,
    Verb.CHANGE_WORKSHOP: Role.INSTRUCTOR,
    Verb.CLOSE_WORKSHOP: Role.INSTRUCTOR,
    Verb.WRITE_MESSAGE: Role.HELPER,
    Verb.REHEARSE: Role.INSTRUCTOR,
    Verb.VIEW_BOARD: Role.HELPER,
    Verb.ISSUE_INVITE: Role.INSTRUCTOR,
    Verb.SHOW_CODE: Role.INSTRUCTOR,
    Verb.CHANGE_INVITE: Role.INSTRUCTOR,
    Verb.REVOKE_INVITE: Role.INSTRUCTOR,
    Verb.ADMIT: Role.HELPER,
    Verb.APPROVE_KEY: Role.HELPER,
    Verb.RETIRE_DOUBLE: Role.HELPER,
    Verb.RESTART_SERVER: Role.HELPER,
    Verb.STOP_SERVER: Role.HELPER,
    Verb.ASK_FOR_HELP: Role.LEARNER,
    Verb.ANSWER_HELP: Role.HELPER,
    Verb.ERASE: Role.CHAMPION,
    Verb.VIEW_QUOTA: Role.LEARNER,
    Verb.SET_QUOTA: Role.CHAMPION,
    Verb.TRY_QUOTA: Role.CHAMPION,
    Verb.VIEW_USAGE: Role.LEARNER,
    Verb.VIEW_USAGE_OF_PEOPLE: Role.CHAMPION,
    Verb.VIEW_AUDIT: Role.CHAMPION,
    Verb.PROMISE_ROLE: Role.INSTRUCTOR,  # asked at the community: the role will hold there
    Verb.GIVE_PROMISED: Role.INSTRUCTOR,
    Verb.VIEW_FEEDBACK: Role.HELPER,
    Verb.VIEW_NUMBERS: Role.INSTRUCTOR,
    Verb.PUBLISH: Role.CHAMPION,
    Verb.BE_NAMED: Role.CHAMPION,
    Verb.VIEW_COHORT: Role.CHAMPION,
    Verb.ASK_FOR_MORE: Role.CHAMPION,
    Verb.LEND: Role.CHAMPION,
    Verb.SHARE_TEMPLATE: Role.INSTRUCTOR,
    Verb.VIEW_TEMPLATES: Role.INSTRUCTOR,
}

# Those that whoever belongs to any part of a community may, at the community itself.
OF_EVERY_MEMBER = frozenset({Verb.VIEW_COMMUNITY, Verb.VIEW_QUOTA, Verb.VIEW_USAGE})


def may(
    actor: Actor,
    verb: Verb,
    community: str,
    workshop: str | None = None,
    site: str | None = None,
) -> bool:
    role = _role_for(actor, verb, community, workshop, site)
    return role is not None and role >= LOWEST_ROLE[verb]


def require(
    actor: Actor,
    verb: Verb,
    community: str,
    workshop: str | None = None,
    site: str | None = None,
) -> Role:
    """The actor's role at the place. Raises `PermissionDenied` with the lowest role that may."""
    role = _role_for(actor, verb, community, workshop, site)
    if role is None or role < LOWEST_ROLE[verb]:
        raise PermissionDenied(needs=LOWEST_ROLE[verb].label)
    return role


def _role_for(
    actor: Actor, verb: Verb, community: str, workshop: str | None, site: str | None
) -> Role | None:
    role = actor.role_at(community, workshop, site)
    if role is None and workshop is None and verb in OF_EVERY_MEMBER:
        return Role.LEARNER if actor.is_member(community) else None
    return role


def require_anywhere(actor: Actor, verb: Verb, community: str) -> None:
    """Before somebody is looked up by name: who may it nowhere in the community learns no names."""
    lowest = LOWEST_ROLE[verb]
    if not actor.is_operator and not any(
        grant.community == community and grant.role >= lowest for grant in actor.grants
    ):
        raise PermissionDenied(needs=lowest.label)


def require_grantable(own: Role, granted: Role) -> None:
    """Nobody grants a role above their own."""
    if granted > own:
        raise RoleTooHigh(role=granted.label)


def unlapsed(grants: Iterable[Grant], now: datetime) -> tuple[Grant, ...]:
    return tuple(grant for grant in grants if grant.holds(now))


def groups_of(grants: Iterable[Grant], prefix: str) -> frozenset[str]:
    """The Hub groups that unlapsed grants amount to: their communities and workshops."""
    names = set()
    for grant in grants:
        names.add(group_name(prefix, grant.community))
        if grant.workshop is not None:
            names.add(group_name(prefix, grant.community, grant.workshop))
    return frozenset(names)
