"""Invites, who redeemed them, and who waits for a seat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ...domain.communities import Community
from ...domain.invites import Batch, Invite
from ...domain.paging import Page, Part
from ...domain.waiting import Ticket
from ...domain.workshops import WorkshopBrief


@dataclass(frozen=True, slots=True)
class InviteSecrets:
    """The two secrets of an invite, as digests and sealed."""

    code_digest: str
    code_sealed: str
    link_digest: str
    link_sealed: str


@dataclass(frozen=True, slots=True)
class NamedCode:
    """What is different in each invite of a batch."""

    id: str
    label: str
    secrets: InviteSecrets


@dataclass(frozen=True, slots=True)
class Redemption:
    """The fact that a person redeemed an invite."""

    id: str
    invite_id: str
    account_id: str
    attempt_digest: str
    grant_id: str | None
    redeemed_at: datetime
    released_at: datetime | None = None  # when its seat was given back


@dataclass(frozen=True, slots=True)
class FoundInvite:
    """An invite with the place that it opens."""

    invite: Invite
    community: Community | None
    workshop: WorkshopBrief | None
    has_line: bool  # somebody waits for a seat of it


class Invites(Protocol):
    def get(self, invite_id: str) -> Invite | None: ...
    def by_digest(self, digest: str) -> FoundInvite | None:
        """By the digest of its code or of its link, in one statement."""
        ...

    def sealed(self) -> Sequence[str]:
        """The codes of the oldest and of the newest, as they are kept; empty where there is none."""
        ...

    def of_community(self, community: str, workshop: str | None = None) -> Sequence[Invite]:
        """Newest first. Batches may have very many: most verbs need `singles`."""
        ...

    def singles(self, community: str, workshop: str | None) -> Sequence[Invite]:
        """Those of a workshop, or of the community itself, that belong to no batch. Newest first."""
        ...

    def waited_for(self, community: str, workshop: str | None = None) -> Sequence[Invite]:
        """Those at which somebody waits. Newest first."""
        ...

    def page(self, community: str, page: Page) -> Part[Invite]:
        """Newest first."""
        ...

    def learner_seats(self, community: str, workshop: str) -> int | None:
        """Of all learner codes of a workshop, with those of its sites and the personal ones; of a
        revoked one only those that are taken. None: without a number."""
        ...

    def batches(self, community: str, workshop: str | None) -> Sequence[Batch]:
        """Those of a workshop, or of the community itself. Newest first."""
        ...

    def one_of_batch(self, community: str, batch: str) -> Invite | None:
        """Any: they differ in nothing but whom they are for."""
        ...

    def count_unclaimed(self, batch: str) -> int: ...
    def unclaimed_ids(self, batch: str) -> Sequence[str]: ...
    def unclaimed(self, batch: str, page: Page) -> Part[tuple[Invite, InviteSecrets]]:
        """By the names they are for."""
        ...

    def unclaimed_from(
        self, batch: str, first: int, most: int
    ) -> Sequence[tuple[Invite, InviteSecrets]]:
        """The same, from a number on that counts from 1."""
        ...

    def secrets(self, invite_id: str) -> InviteSecrets: ...
    def add(self, invite: Invite, secrets: InviteSecrets) -> None: ...
    def add_batch(self, invite: Invite, codes: Sequence[NamedCode]) -> None:
        """One like this for each, in one statement."""
        ...

    def take_seat(self, invite_id: str) -> bool:
        """Takes one seat if one is left: the cap stands in the `UPDATE … WHERE`."""
        ...

    def give_back(self, invite_id: str, seats: int) -> None: ...
    def set_secrets(self, invite_id: str, secrets: InviteSecrets) -> None:
        """Another code and link for the same invite."""
        ...

    def change(self, invite: Invite) -> None:
        """Seats, times, pause, by hand and maker become what the invite says."""
        ...

    def made_by(self, account_id: str, now: datetime) -> Sequence[Invite]:
        """Those of one maker that are or will be open."""
        ...

    def follow_workshop(
        self,
        community: str,
        workshop: str,
        *,
        before: datetime,
        ends_at: datetime,
        lasts: timedelta,
    ) -> None:
        """Those that closed with the workshop, at `before`, close with its new end. What any of them
        grants lasts so much longer than that end."""
        ...

    def revoke(self, invite_ids: Iterable[str], now: datetime) -> None: ...
    def close(self, invite_ids: Iterable[str], now: datetime) -> None: ...
    def close_all(self, community: str, workshop: str, now: datetime) -> None:
        """Those of a workshop that are or would be open."""
        ...

    def set_maker(self, invite_ids: Iterable[str], account_id: str) -> None: ...
    def makers_among(self, account_ids: Iterable[str], now: datetime) -> Sequence[str]:
        """Those of these accounts whose invites are or will be open."""
        ...

    def is_any_usable(self, now: datetime) -> bool:
        """Is there an invite that could be redeemed now or later?"""
        ...


class Waiting(Protocol):
    """People in line for a seat, or to be admitted by hand."""

    def get(self, ticket_id: str) -> Ticket | None: ...
    def by_attempt(self, invite_id: str, attempt_digest: str) -> Ticket | None:
        """The attempt's ticket that has not ended."""
        ...

    def of_invite(self, invite_id: str) -> Sequence[Ticket]:
        """Those that have not ended, the first in line first."""
        ...

    def next_number(self, invite_id: str) -> int: ...
    def add(self, ticket: Ticket) -> None: ...
    def admit(self, ticket_id: str, now: datetime) -> None: ...
    def offer(self, ticket_id: str, until: datetime) -> bool: ...
    def end(self, ticket_id: str, now: datetime) -> bool:
        """False where it has ended before."""
        ...

    def forget(self, before: datetime) -> None:
        """Deletes tickets that ended before."""
        ...

    def end_overdue(self, invite_id: str, now: datetime) -> int:
        """Ends the offers that were not taken in time; how many seats that gives back."""
        ...

    def invites_to_look_at(self) -> Sequence[str]:
        """The ids of invites that anybody waits for."""
        ...


class Redemptions(Protocol):
    def by_attempt(self, invite_id: str, attempt_digest: str) -> Redemption | None: ...
    def by_account(self, invite_id: str, account_id: str) -> Redemption | None: ...
    def has_name(self, invite_id: str, name: str) -> bool:
        """Has somebody redeemed it whose name is this one, by `same_name`?"""
        ...

    def release_lapsed(self, invite_id: str, now: datetime) -> int:
        """Notes once that a grant has ended; how many seats that gives back."""
        ...

    def grant_ids(self, invite_id: str) -> Sequence[str]: ...
    def invites_of(self, grant_ids: Iterable[str]) -> Sequence[str]:
        """The ids of the invites that gave these grants."""
        ...

    def renew(self, redemption: Redemption) -> None:
        """The same person redeems the same invite again."""
        ...

    def last_at(self, account_id: str) -> datetime | None:
        """When this account last redeemed an invite."""
        ...

    def add(self, redemption: Redemption) -> None: ...
