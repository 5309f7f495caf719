"""Notices: what somebody else did that a person should know of, until they put it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

KEY_APPROVED = "key.approved"  # `by`: the name of who approved; empty: the operator
ERASURE_PLANNED = "erasure.planned"  # `community`: its slug; `at`: when, in ISO 8601
INVITE_INHERITED = "invite.inherited"  # `community` and `workshop`: slugs; the latter may be empty

ASK_ANSWERED = "ask.answered"  # `community`: its slug; `state`: granted, declined or lent
LENT_TO = "loan.made"  # `community` and `lender`: slugs

ROLE_GIVEN = "role.given"  # `role`: its label; `workshop`: its title


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` finds the sentence (`pages.notices`); `data` holds what the sentence needs."""

    id: str
    account_id: str
    kind: str
    created_at: datetime
    data: Mapping[str, str] = field(default_factory=dict)
