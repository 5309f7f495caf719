"""What everybody of a community may know of it; and if the community says so, everybody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..domain.audit import FEWEST
from ..domain.communities import Community
from ..domain.grants import Actor, Verb, may, require
from ..domain.quotas import Scope
from ..domain.units import Amounts
from ..domain.windows import hour_of
from .audit import record
from .communities import find_community
from .ports import Desk, Store
from .trail import summary_of
from .usage import spent_by

DAYS = 30  # of what was used
YEAR = timedelta(days=365)  # of workshops and people


@dataclass(frozen=True, slots=True)
class Openness:
    """Nothing in it tells of few people: no number below five, and no name of who has not agreed."""

    community: Community
    is_public: bool
    champions: Sequence[str]  # the names of those who agreed
    limits: Mapping[str, int]  # by resource: the most at one time, or what the community owns
    spent: Amounts  # in the last days
    workshops: int  # held in the last year
    people: int | None  # who joined them as learners; None: fewer than five
    months: Mapping[datetime, Mapping[str, int | None]]  # of the audit trail, newest first
    may_publish: bool = False
    may_be_named: bool = False
    is_named: bool = False  # who asks


def view_openness(desk: Desk, actor: Actor, slug: str) -> Openness:
    """For members; for others `NotFound`, unless the community shows it to everybody."""
    with desk.database.read() as store:
        community = store.communities.get(slug)
        is_public = store.openness.is_public(slug) and _is_active(community)
        if community is None or not is_public:
            community = find_community(store, actor, slug)
            require(actor, Verb.VIEW_COMMUNITY, slug)
        named = store.openness.named(slug, desk.now)
        names = store.accounts.names(named)
        limits = {
            resource: limit.owned
            for resource, limit in store.limits.quota(Scope(slug)).held.items()
        }
        spent: Counter[str] = Counter()
        start = hour_of(desk.now - timedelta(days=DAYS))
        for amounts in spent_by(desk, store, Scope(slug), start, desk.now, "community").values():
            spent.update(amounts)
        held = [
            one.slug
            for one in store.workshops.of_community(slug)
            if any(desk.now - YEAR <= each.starts_at < desk.now for each in one.sessions)
        ]
        people = store.sums.learners(slug, held) if held else 0
        return Openness(
            community=community,
            is_public=is_public,
            champions=sorted(account.display_name for account in names.values()),
            limits={name: most for name, most in sorted(limits.items()) if most is not None},
            spent=dict(spent),
            workshops=len(held),
            people=people if people >= FEWEST else None,
            months=summary_of(desk, store, slug),
            may_publish=may(actor, Verb.PUBLISH, slug),
            may_be_named=actor.account_id is not None and may(actor, Verb.BE_NAMED, slug),
            is_named=actor.account_id in named,
        )


def set_public(desk: Desk, actor: Actor, slug: str, *, is_public: bool) -> None:
    """Shows it to everybody, or to members only. Repeating it changes nothing."""
    with desk.database.write() as store:
        find_community(store, actor, slug)
        require(actor, Verb.PUBLISH, slug)
        before = store.openness.is_public(slug)
        if before != is_public:
            store.openness.set_public(slug, is_public)
            _audit(desk, store, actor, Verb.PUBLISH, f"community/{slug}", slug, is_public)


def set_named(desk: Desk, actor: Actor, slug: str, *, is_named: bool) -> None:
    """A champion agrees to be named, or no longer: each for themselves. It ends with the role."""
    with desk.database.write() as store:
        find_community(store, actor, slug)
        require(actor, Verb.BE_NAMED, slug)
        mine = actor.account_id
        if mine is not None and store.openness.set_named(slug, mine, is_named, desk.now):
            _audit(desk, store, actor, Verb.BE_NAMED, f"account/{mine}", slug, is_named)


def _is_active(community: Community | None) -> bool:
    return community is not None and community.suspended_at is None


def _audit(
    desk: Desk, store: Store, actor: Actor, verb: Verb, subject: str, slug: str, value: bool
) -> None:
    name = "public" if verb is Verb.PUBLISH else "named"
    record(desk, store, actor, verb, subject, slug, before={name: not value}, after={name: value})
