"""What the verbs of offers need from outside; beside `ports`, which has the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ...domain.offers import RoleOffer


class RoleOffers(Protocol):
    """Those that were neither answered nor withdrawn."""

    def get(self, offer_id: str) -> RoleOffer | None: ...
    def of_community(self, community: str, now: datetime) -> Sequence[RoleOffer]:
        """Those that stand, by username."""
        ...

    def of_username(self, username: str, now: datetime) -> Sequence[RoleOffer]:
        """Those that stand, the first first, of communities that are not suspended."""
        ...

    def put(self, offer: RoleOffer) -> None:
        """In place of an earlier one of the community for the same username."""
        ...

    def remove(self, offer_id: str) -> bool:
        """False where it was not there any more."""
        ...

    def forget(self, before: datetime) -> None:
        """Deletes those that ended before."""
        ...
