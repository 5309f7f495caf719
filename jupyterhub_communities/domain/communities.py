"""Communities: who shares quotas, profiles and languages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from .texts import LocalText, in_language

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 40


@dataclass(frozen=True, slots=True)
class Community:
    """One community. `declared` ones stand in the operator's file and are read-only on pages."""

    slug: str
    names: LocalText
    language: str  # tag
    contact: str | None = None
    declared: bool = False
    cohort: str | None = None  # whose communities use each other's idle capacity
    retention_days: int | None = None  # after the last grant of a person; None: kept
    suspended_at: datetime | None = None  # by the operator: its grants open nothing meanwhile

    def name(self, tag: str) -> str:
        return in_language(self.names, tag, default=self.language)


def is_slug(text: str) -> bool:
    """Lower-case ASCII letters and digits, parted by single hyphens, at most 40 characters."""
    return len(text) <= LONGEST_SLUG and SLUG.fullmatch(text) is not None


def group_name(prefix: str, community: str, workshop: str | None = None) -> str:
    """The Hub group that mirrors a community or a workshop. A slug has no dot: no two share one."""
    return f"{prefix}{community}" if workshop is None else f"{prefix}{community}.{workshop}"
