"""The audit trail, and answers that are given twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ...domain.audit import WHOLE_TRAIL, AuditEntry, AuditLink, TrailFilter


class Audit(Protocol):
    def add(self, entry: AuditEntry) -> None: ...
    def add_each(self, entry: AuditEntry, subjects: Iterable[str]) -> None:
        """The same of each of them, in one statement."""
        ...

    def of_community(
        self,
        community: str | None,
        wanted: TrailFilter = WHOLE_TRAIL,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """Newest first; None: of the whole hub. `before` and `after` are ids: the next older, or the
        next newer ones."""
        ...

    def counts(self, community: str, start: datetime, end: datetime) -> Mapping[str, int]:
        """How many there are of each action."""
        ...

    def last_link(self) -> AuditLink:
        """`NO_LINK` before there is any."""
        ...

    def links_after(self, number: int, limit: int) -> Sequence[AuditLink]: ...
    def add_link(self, link: AuditLink) -> None: ...
    def stretch(self, first: int, last: int | None, limit: int) -> Sequence[AuditEntry]:
        """In order of their ids, both ends included; `last` None: to the end."""
        ...

    def count_between(self, first: int, last: int | None) -> int: ...


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request that may be sent twice was answered."""

    key_digest: str  # of who asked, and the key that they chose
    account_id: str | None  # of who asked
    request_digest: str  # of what was asked
    answer_sealed: str = field(repr=False)  # it may show codes
    made_at: datetime


class KeptAnswers(Protocol):
    def get(self, key_digest: str) -> KeptAnswer | None: ...
    def put(self, answer: KeptAnswer) -> None:
        """In place of an older one of the same key."""
        ...

    def forget(self, before: datetime) -> None:
        """Deletes those that were made before."""
        ...
