"""What the verbs about outcomes need from outside: who trained whom, answers without names, sums."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.feedback import Feedback
from ...domain.grants import Role
from ...domain.paging import Page, Part
from ...domain.training import Training


class Trainings(Protocol):
    """Who trained whom, where."""

    def of_workshop(
        self, community: str, workshop: str, account_ids: Collection[str]
    ) -> Sequence[Training]:
        """Of these people, newest first."""
        ...

    def page(self, community: str, page: Page) -> Part[Training]:
        """Newest first."""
        ...

    def add(self, training: Training) -> None: ...


@dataclass(frozen=True, slots=True)
class AskedWorkshop:
    """A workshop that somebody has not said yet how it was."""

    community: str
    slug: str
    title: str
    language: str
    ends_at: datetime
    closed_at: datetime | None


class Answered(Protocol):
    """The answers to the questions about workshops; and apart from them, who has answered."""

    def mark(self, community: str, workshop: str, account_id: str) -> bool:
        """Notes that somebody answers. False where they had before."""
        ...

    def is_marked(self, community: str, workshop: str, account_id: str) -> bool: ...
    def add(self, answer_id: str, community: str, workshop: str, answer: Feedback) -> None: ...
    def of_workshop(self, community: str, workshop: str) -> Sequence[Feedback]:
        """In no order that says anything."""
        ...

    def is_told(self, community: str, workshop: str) -> bool:
        """Has anybody seen what was answered? Then nobody answers any more."""
        ...

    def set_told(self, community: str, workshop: str) -> None: ...
    def unanswered(self, community: str, workshop: str, now: datetime) -> int:
        """How many of the workshop's learners could answer still."""
        ...

    def not_marked(
        self, account_id: str, places: Collection[tuple[str, str]], since: datetime
    ) -> Sequence[AskedWorkshop]:
        """Those of these workshops (by community and slug) that have not been over since before, and
        that the person has not answered about."""
        ...


class Openness(Protocol):
    """What a community shows to everybody, and whom it names."""

    def is_public(self, community: str) -> bool: ...
    def set_public(self, community: str, is_public: bool) -> None: ...
    def named(self, community: str, now: datetime) -> Sequence[str]:
        """The account ids of champions who agreed to be named: for as long as they are champions."""
        ...

    def set_named(self, community: str, account_id: str, is_named: bool, now: datetime) -> bool:
        """False where nothing changes, as for somebody who is no champion."""
        ...


class Sums(Protocol):
    """What a community's numbers are made of, beside its workshops and its usage."""

    def learners(self, community: str, slugs: Collection[str]) -> int:
        """How many people joined any of these workshops as learners, and were not removed. Without
        rehearsals."""
        ...

    def trained(self, community: str, start: datetime, end: datetime) -> Mapping[Role, int]:
        """How many were given a role that a workshop had promised, in that time."""
        ...
