"""Communities: who shares quotas, profiles and languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .names import is_readable
from .refusals import (
    CommunityNamesInvalid,
    CommunitySlugInvalid,
    ContactInvalid,
    RetentionInvalid,
)
from .texts import LocalText, in_language
from .versions import version_of

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_SLUG = 40
LONGEST_NAME = 100  # characters, in each language
LONGEST_CONTACT = 300
MOST_RETENTION = 3660  # days


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
    shows_people: bool = False  # to all its members
    archived_at: datetime | None = None  # by the operator; it is suspended too

    def name(self, tag: str) -> str:
        return in_language(self.names, tag, default=self.language)

    @property
    def version(self) -> str:
        """Of its settings: whether it is suspended is another matter."""
        names = dict(self.names)
        settings = [names, self.language, self.contact, self.retention_days, self.shows_people]
        return version_of(settings)


def is_slug(text: str) -> bool:
    """Lower-case ASCII letters and digits, parted by single hyphens, at most 40 characters."""
    return len(text) <= LONGEST_SLUG and SLUG.fullmatch(text) is not None


def group_name(prefix: str, community: str, workshop: str | None = None) -> str:
    """The Hub group that mirrors a community or a workshop. A slug has no dot: no two share one."""
    return f"{prefix}{community}" if workshop is None else f"{prefix}{community}.{workshop}"


def check_slug(text: str) -> str:
    """Raises `CommunitySlugInvalid`."""
    if not is_slug(text):
        raise CommunitySlugInvalid(limit=LONGEST_SLUG)
    return text


def read_names(typed: Mapping[str, str]) -> LocalText:
    """A name per language, without the empty ones. Raises `CommunityNamesInvalid`."""
    names = {tag: " ".join(name.split()) for tag, name in typed.items()}
    names = {tag: name for tag, name in names.items() if name}
    if not names or any(
        len(name) > LONGEST_NAME or not is_readable(name) for name in names.values()
    ):
        raise CommunityNamesInvalid(limit=LONGEST_NAME)
    return names


def read_contact(typed: str | None) -> str | None:
    """Raises `ContactInvalid`."""
    contact = " ".join((typed or "").split())
    if len(contact) > LONGEST_CONTACT or not is_readable(contact):
        raise ContactInvalid(limit=LONGEST_CONTACT)
    return contact or None


def check_retention(days: int | None) -> int | None:
    """Raises `RetentionInvalid`."""
    if days is not None and not 1 <= days <= MOST_RETENTION:
        raise RetentionInvalid(most=MOST_RETENTION)
    return days
