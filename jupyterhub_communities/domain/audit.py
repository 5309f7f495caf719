"""Audit entries: who did what to what, without secrets and without names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. People are opaque ids; secrets never appear in `before` or `after`."""

    at: datetime
    actor: str  # account id, or `operator`, or `timer`
    action: str  # `invite:revoke`
    subject: str  # `invite/<id>`
    community: str | None = None
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    request_id: str | None = None
