"""Offers: people of the hub are asked into a community, and answer for themselves.

Whoever offers is told the same whether anybody has the username or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.access import is_barred
from ..domain.communities import Community
from ..domain.grants import (
    Actor,
    Grant,
    Role,
    Source,
    Verb,
    require,
    require_grantable,
    unlapsed,
)
from ..domain.offers import MOST_OFFERS, OFFER_STANDS, RoleOffer, read_username
from ..domain.refusals import HubFull, NotFound, TooManyOffers
from .audit import record
from .communities import find_community
from .invites import maker_of
from .people import ensure_account
from .ports import Desk, Store


@dataclass(frozen=True, slots=True)
class OfferedRole:
    """An offer as the person to whom it is made sees it."""

    offer: RoleOffer
    community: Community


def offer_role(desk: Desk, actor: Actor, community: str, username: str, role: Role) -> RoleOffer:
    """In place of an earlier offer to the same username."""
    with desk.database.write() as store:
        find_community(store, actor, community)
        require_grantable(require(actor, Verb.OFFER_ROLE, community), role)
        wanted = read_username(username)
        store.role_offers.forget(desk.now)
        standing = store.role_offers.of_community(community, desk.now)
        if len([one for one in standing if one.username != wanted]) >= MOST_OFFERS:
            raise TooManyOffers(most=MOST_OFFERS)
        offer = RoleOffer(
            id=desk.chance.identifier(),
            community=community,
            username=wanted,
            role=role,
            made_by=actor.answers_for(Role.CHAMPION, community),
            made_at=desk.now,
            ends_at=desk.now + OFFER_STANDS,
        )
        store.role_offers.put(offer)
        _audit(desk, store, actor, Verb.OFFER_ROLE, offer)
        return offer


def list_offers(desk: Desk, actor: Actor, community: str) -> Sequence[RoleOffer]:
    """Those of a community that stand, by username."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        require(actor, Verb.OFFER_ROLE, community)
        return store.role_offers.of_community(community, desk.now)


def withdraw_offer(desk: Desk, actor: Actor, community: str, offer_id: str) -> None:
    with desk.database.write() as store:
        find_community(store, actor, community)
        require(actor, Verb.OFFER_ROLE, community)
        offer = store.role_offers.get(offer_id)
        if offer is None or offer.community != community:
            raise NotFound(kind="offer")
        store.role_offers.remove(offer.id)
        _audit(desk, store, actor, "offer:withdraw", offer)


def my_offers(desk: Desk, username: str) -> Sequence[OfferedRole]:
    """Those that somebody can accept."""
    with desk.database.read() as store:
        found = []
        for offer in store.role_offers.of_username(username, desk.now):
            community = store.communities.get(offer.community)
            if community is not None and _is_good(desk, store, offer):
                found.append(OfferedRole(offer, community))
        return found


def accept_offer(desk: Desk, username: str, offer_id: str) -> OfferedRole:
    """Whoever has as much already has it still, and nothing more."""
    with desk.database.write() as store:
        offer = _offer_to(desk, store, username, offer_id)
        community = store.communities.get(offer.community)
        if community is None or not _is_good(desk, store, offer):
            raise NotFound(kind="offer")
        account = ensure_account(desk, store, username)
        if is_barred(account, desk.now):
            raise NotFound(kind="offer")
        grants = unlapsed(store.grants.history(account.id).grants, desk.now)
        most = desk.settings.most_people
        if not grants and most is not None and store.grants.count_people(desk.now) >= most:
            raise HubFull(contact=community.contact)
        own = [
            grant.role
            for grant in grants
            if grant.community == offer.community and grant.workshop is None
        ]
        if max(own, default=0) < offer.role:
            store.grants.add(
                Grant(
                    id=desk.chance.identifier(),
                    account_id=account.id,
                    role=offer.role,
                    community=offer.community,
                    workshop=None,
                    source=Source.CHAMPION,
                    made_by=offer.made_by,
                    starts_at=desk.now,
                )
            )
        store.role_offers.remove(offer.id)
        record(
            desk,
            store,
            account.id,
            "offer:accept",
            f"account/{account.id}",
            offer.community,
            after={"role": offer.role.label},
        )
        return OfferedRole(offer, community)


def decline_offer(desk: Desk, username: str, offer_id: str) -> None:
    with desk.database.write() as store:
        offer = _offer_to(desk, store, username, offer_id)
        account = store.accounts.by_username(username)
        store.role_offers.remove(offer.id)
        # Whoever has no account here gets none by saying no: the audit knows them as the hub's.
        _audit(desk, store, "hub" if account is None else account.id, "offer:decline", offer)


def _offer_to(desk: Desk, store: Store, username: str, offer_id: str) -> RoleOffer:
    offer = store.role_offers.get(offer_id)
    if offer is None or offer.username != username or not offer.stands(desk.now):
        raise NotFound(kind="offer")
    return offer


def _is_good(desk: Desk, store: Store, offer: RoleOffer) -> bool:
    """An offer is worth what its maker may give now; and nothing while the community is suspended."""
    community = store.communities.get(offer.community)
    if community is None or community.suspended_at is not None:
        return False
    if offer.made_by is None:
        return True
    role = maker_of(desk, store, offer.made_by).role_at(offer.community)
    return role is Role.CHAMPION


def _audit(desk: Desk, store: Store, actor: Actor | str, action: str, offer: RoleOffer) -> None:
    """Without the username: it is somebody's name, and the trail is never erased."""
    after = {"role": offer.role.label}
    record(desk, store, actor, action, f"offer/{offer.id}", offer.community, after=after)
