"""What each person may hold: an amount, or an equal part."""

from __future__ import annotations

from dataclasses import dataclass

from .quotas import Scope


@dataclass(frozen=True, slots=True)
class EachLimit:
    """What one person may hold below a level, at all their places together."""

    level: Scope
    most: int
    people: int | None = None  # who share it equally; None: each may hold all of it

    def of(self, wanted: int) -> int:
        """For whoever asks for a server of this size. An equal part is never less, for else many
        people could keep everybody out."""
        return self.most if self.people is None else max(self.most // max(1, self.people), wanted)
