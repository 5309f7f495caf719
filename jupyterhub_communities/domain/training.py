"""Training of trainers: what a workshop promises to those who complete it, and who trained whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .grants import Role, require_grantable


@dataclass(frozen=True, slots=True)
class Training:
    """Somebody was given the role that their workshop had promised."""

    id: str
    account_id: str | None  # None: who was erased since
    community: str
    workshop: str
    role: Role
    trained_by: str | None  # account id; None: the operator
    at: datetime


def check_promise(own: Role, promised: Role) -> None:
    """A promise is a gift made beforehand: nobody promises more than they may give, and a workshop
    makes no champions. `own` is the role at the community. Raises `RoleTooHigh`."""
    require_grantable(min(own, Role.INSTRUCTOR), promised)


def is_due(promised: Role | None, held: Role | None) -> bool:
    """Would the promise give somebody more than they hold at the community?"""
    return promised is not None and (held is None or held < promised)
