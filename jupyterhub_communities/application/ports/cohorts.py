"""What the verbs of cohorts need from outside: asks, loans, shared templates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ...domain.asks import Ask
from ...domain.loans import Loan
from ...domain.templates import Template


class Asks(Protocol):
    """What communities ask for."""

    def get(self, ask_id: str) -> Ask | None: ...
    def of_communities(self, communities: Collection[str], limit: int) -> Sequence[Ask]:
        """The open ones first, then by when they were asked, newest first."""
        ...

    def count_open(self, community: str) -> int: ...
    def open_by_community(self) -> Mapping[str, int]: ...
    def add(self, ask: Ask) -> None: ...
    def answer(self, ask: Ask) -> bool:
        """Keeps state and answer. False where somebody was first."""
        ...


class Loans(Protocol):
    """What communities lend to one another."""

    def get(self, loan_id: str) -> Loan | None: ...
    def of_community(self, community: str, now: datetime) -> Sequence[Loan]:
        """Given or received, not over."""
        ...

    def of_cohort(self, cohort: str, since: datetime) -> Sequence[Loan]:
        """Those that ended later, the last to begin first."""
        ...

    def all(self, since: datetime) -> Sequence[Loan]:
        """Of all cohorts, those that ended later."""
        ...

    def add(self, loan: Loan) -> None: ...
    def stop(self, loan: Loan) -> bool:
        """Keeps its end. False where it was stopped before."""
        ...


class Templates(Protocol):
    """Workshops that communities share."""

    def get(self, template_id: str) -> Template | None: ...
    def of_communities(self, communities: Collection[str]) -> Sequence[Template]:
        """By title."""
        ...

    def add(self, template: Template) -> None: ...
    def remove(self, template_id: str) -> None: ...
