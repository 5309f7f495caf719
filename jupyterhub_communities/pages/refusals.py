"""Refusals at the edge: the status of each, and its sentence in the reader's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..domain.refusals import QuotaExceeded, Refusal, Violation
from ..i18n.messages import Messages

STATUS: dict[str, int] = {
    "access.ended": 403,
    "code.mistyped": 400,
    "community.last_champion": 409,
    "declared": 409,
    "invite.closed": 403,
    "invite.full": 409,
    "invite.not_open": 403,
    "invite.redeemed": 403,
    "invite.revoked": 403,
    "invite.times": 400,
    "invite.unknown": 403,
    "invite.unreadable": 409,
    "key.mistyped": 400,
    "key.unknown": 403,
    "language.unknown": 400,
    "name.empty": 400,
    "name.too_long": 400,
    "name.unreadable": 400,
    "not_found": 404,
    "permission.denied": 403,
    "profile.not_offered": 403,
    "profile.unknown": 400,
    "quota.exceeded": 429,
    "quota.not_yours": 403,
    "role.too_high": 403,
    "slug.taken": 409,
    "storage.unreachable": 503,
    "username.reserved": 403,
    "workshop.closed": 409,
    "workshop.seats": 400,
    "workshop.sessions": 400,
    "workshop.title": 400,
    "zone.unknown": 400,
}


def status_of(refusal: Refusal) -> int:
    """The HTTP status that goes with a refusal."""
    return STATUS[refusal.code]


def sentence_of(refusal: Refusal, messages: Messages) -> str:
    """What the reader is told, with the community's contact where there is one."""
    sentence = _SENTENCES[refusal.code](refusal, messages)
    contact = getattr(refusal, "contact", None)
    if contact:
        sentence += " " + messages.gettext("You can ask: %(contact)s", contact=contact)
    return sentence


def _not_valid(refusal: Any, messages: Messages) -> str:
    # One sentence for a code that is unknown, closed or revoked: a stranger learns nothing more.
    return messages.gettext("This code is not valid any more.")


def _not_found(refusal: Any, messages: Messages) -> str:
    sentences = {
        "community": messages.gettext("There is no such community, or you do not belong to it."),
        "workshop": messages.gettext("There is no such workshop, or it is not open to you."),
        "invite": messages.gettext("There is no such invite."),
        "member": messages.gettext("Nobody of that name belongs to this community."),
    }
    return sentences.get(refusal.kind) or messages.gettext("This does not exist.")


def _permission_denied(refusal: Any, messages: Messages) -> str:
    sentences = {
        "helper": messages.gettext("The workshop's helpers may do this."),
        "instructor": messages.gettext("The community's instructors may do this."),
        "champion": messages.gettext("The community's champions may do this."),
    }
    return sentences.get(refusal.needs) or messages.gettext("You may not do this.")


def _not_open(refusal: Any, messages: Messages) -> str:
    return messages.gettext(
        "This code opens on %(time)s.", time=messages.datetime(refusal.opens_at, refusal.zone)
    )


def _quota_exceeded(refusal: Any, messages: Messages) -> str:
    assert isinstance(refusal, QuotaExceeded)
    sentences = [_violation(violation, messages) for violation in refusal.violations]
    sentences.append(messages.gettext("Try again when somebody has stopped a server."))
    return " ".join(sentences)


def _violation(violation: Violation, messages: Messages) -> str:
    if violation.scope == "workshop":
        return messages.ngettext(
            "The workshop %(name)s may run one server at a time, and it is running.",
            "The workshop %(name)s may run %(num)s servers at a time, and all are running.",
            violation.limit,
            name=violation.name,
        )
    if violation.scope == "community":
        return messages.ngettext(
            "The community %(name)s may run one server at a time, and it is running.",
            "The community %(name)s may run %(num)s servers at a time, and all are running.",
            violation.limit,
            name=violation.name,
        )
    return messages.ngettext(
        "This hub may run one server at a time, and it is running.",
        "This hub may run %(num)s servers at a time, and all are running.",
        violation.limit,
    )


_SENTENCES: dict[str, Callable[[Any, Messages], str]] = {
    "access.ended": lambda _, m: m.gettext("Your access has ended."),
    "code.mistyped": lambda _, m: m.gettext(
        "This code is mistyped. Please compare it letter by letter."
    ),
    "community.last_champion": lambda _, m: m.gettext(
        "A community needs at least one champion. Appoint another one first."
    ),
    "declared": lambda _, m: m.gettext("The operator of this hub decides this."),
    "invite.closed": _not_valid,
    "invite.full": lambda _, m: m.gettext("All seats are taken."),
    "invite.not_open": _not_open,
    "invite.redeemed": lambda _, m: m.gettext(
        "You have joined with this code before. Sign in with your return key."
    ),
    "invite.revoked": _not_valid,
    "invite.times": lambda _, m: m.gettext("A code must close after it opens."),
    "invite.unknown": _not_valid,
    "invite.unreadable": lambda _, m: m.gettext(
        "This code cannot be shown any more. Please make a new one."
    ),
    "key.mistyped": lambda _, m: m.gettext(
        "This return key is mistyped. Please compare it letter by letter."
    ),
    "key.unknown": lambda _, m: m.gettext("This return key is not valid."),
    "language.unknown": lambda r, m: m.gettext("%(tag)s is not a language tag.", tag=r.tag),
    "name.empty": lambda _, m: m.gettext("Please write your name."),
    "name.too_long": lambda r, m: m.gettext(
        "Please write a shorter name: at most %(limit)s characters.", limit=r.limit
    ),
    "name.unreadable": lambda _, m: m.gettext(
        "This name has characters that cannot be shown. Please write it again."
    ),
    "not_found": _not_found,
    "permission.denied": _permission_denied,
    "profile.not_offered": lambda _, m: m.gettext("This profile is not offered to you."),
    "profile.unknown": lambda _, m: m.gettext("There is no such profile."),
    "quota.exceeded": _quota_exceeded,
    "quota.not_yours": lambda _, m: m.gettext(
        "You do not belong to the community or workshop that you chose."
    ),
    "role.too_high": lambda _, m: m.gettext("You cannot give a role above your own."),
    "slug.taken": lambda r, m: m.gettext("The short name %(slug)s is taken.", slug=r.slug),
    "storage.unreachable": lambda _, m: m.gettext(
        "The hub is busy. Nothing was lost: please try again in a minute."
    ),
    "username.reserved": lambda _, m: m.gettext("This username belongs to somebody else."),
    "workshop.closed": lambda _, m: m.gettext("This workshop is over."),
    "workshop.seats": lambda r, m: m.gettext(
        "Please give a number from 1 to %(most)s.", most=r.most
    ),
    "workshop.sessions": lambda _, m: m.gettext(
        "Each session must end after it starts, and sessions must not overlap."
    ),
    "workshop.title": lambda r, m: m.gettext(
        "Please write a title of at most %(limit)s characters.", limit=r.limit
    ),
    "zone.unknown": lambda r, m: m.gettext("%(zone)s is not a time zone.", zone=r.zone),
}
