"""Quotas in words: amounts, and the limits that a request would break."""

from __future__ import annotations

from datetime import timedelta

from ..domain.refusals import QuotaExceeded, ReservationTooLarge, Violation
from ..domain.texts import in_language
from ..domain.units import (
    CPU,
    CPU_TIME,
    GPU,
    GPU_TIME,
    MEMORY,
    MEMORY_TIME,
    SERVER_TIME,
    SERVERS,
    STORAGE,
    gpu_kind,
    is_spent,
    kind_of,
)
from ..i18n.messages import Messages

# How much of the base unit is one of what people read.
_SHOWN = {CPU: 1000, SERVER_TIME: 3600, CPU_TIME: 3_600_000, MEMORY_TIME: 2**20 * 3600}
_SHOWN |= {GPU_TIME: 3600}


def amount_in_words(resource: str, amount: int, messages: Messages) -> str:
    """An amount that is held: `30 servers`, `2 GiB of memory`."""
    kind = kind_of(resource)
    if kind == MEMORY:
        # TRANSLATORS: What a server has; further sizes follow, in a list.
        return messages.gettext("%(size)s of memory", size=messages.size(amount))
    if kind == STORAGE:
        return messages.gettext("%(size)s of storage", size=messages.size(amount))
    if kind == CPU:
        return messages.ngettext(
            "%(count)s processor",
            "%(count)s processors",
            messages.whole_like(amount / 1000),
            count=messages.number(amount / 1000),
        )
    if kind == GPU:
        return messages.ngettext(
            "%(num)s GPU (%(kind)s)", "%(num)s GPUs (%(kind)s)", amount, kind=gpu_kind(resource)
        )
    return messages.ngettext("%(num)s server", "%(num)s servers", amount)


def quota_exceeded(refusal: QuotaExceeded, messages: Messages) -> str:
    """Every violated limit, when to try again, and what would start now."""
    sentences = [violation_in_words(violation, messages) for violation in refusal.violations]
    if any(violation.reserved for violation in refusal.violations):
        sentences.append(messages.gettext("Part of it is reserved for a workshop."))
    sentences.append(_when(refusal, messages))
    if refusal.largest is not None:
        sentences.append(
            messages.gettext(
                "The profile %(profile)s would start now.",
                profile=in_language(refusal.largest, messages.tag),
            )
        )
    return " ".join(sentences)


def reservation_too_large(refusal: ReservationTooLarge, messages: Messages) -> str:
    return messages.gettext(
        "The session on %(time)s needs %(wanted)s. The community can reserve %(left)s for it.",
        time=messages.datetime(refusal.starts_at, refusal.zone),
        wanted=amount_in_words(refusal.resource, refusal.wanted, messages),
        left=amount_in_words(refusal.resource, refusal.left, messages),
    )


def _when(refusal: QuotaExceeded, messages: Messages) -> str:
    if refusal.never:
        return messages.gettext(
            "A server of this size never fits here. Please choose a smaller profile."
        )
    if refusal.earliest is not None:
        minute = timedelta(minutes=1)
        past = refusal.earliest - refusal.earliest.replace(second=0, microsecond=0)
        time = refusal.earliest + (minute - past if past else past)  # no sooner than said
        return messages.gettext(
            "Try again on %(time)s, or when somebody has stopped a server.",
            time=messages.datetime(time, refusal.zone),
        )
    if any(is_spent(one.resource) and not one.left for one in refusal.violations):
        return messages.gettext("It does not come back by itself: the limit has to be raised.")
    return messages.gettext("Try again when somebody has stopped a server.")


def violation_in_words(violation: Violation, messages: Messages) -> str:
    """One limit that a start would break."""
    if violation.resource == SERVERS and not violation.reserved and violation.scope != "cohort":
        return _all_servers_run(violation, messages)
    kind = kind_of(violation.resource)
    # What is left is rounded down and what is needed up, so that both never look the same.
    unit = _SHOWN.get(kind, 1)
    left, wanted = violation.left * 100 // unit / 100, -(-violation.wanted * 100 // unit) / 100
    values = {
        "name": violation.name,
        "kind": gpu_kind(violation.resource),
        "left": messages.number(left),
        "wanted": messages.number(wanted),
    }
    if kind in (MEMORY, STORAGE):
        values["left"] = messages.size(violation.left)
        values["wanted"] = messages.size(violation.wanted)
    sentences = {
        SERVERS: messages.gettext(
            "Servers left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        CPU: messages.gettext(
            "Processors left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        MEMORY: messages.gettext(
            "Memory left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        STORAGE: messages.gettext(
            "Storage left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        GPU: messages.gettext(
            "GPUs (%(kind)s) left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        SERVER_TIME: messages.gettext(
            "Server hours left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        CPU_TIME: messages.gettext(
            "Processor hours left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        MEMORY_TIME: messages.gettext(
            "GiB-hours of memory left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
        GPU_TIME: messages.gettext(
            "GPU hours (%(kind)s) left for %(name)s: %(left)s; needed: %(wanted)s.", **values
        ),
    }
    return sentences[kind]


def _all_servers_run(violation: Violation, messages: Messages) -> str:
    if violation.scope == "member":
        return messages.ngettext(
            "You may run one server at a time here, and it is running.",
            "You may run %(num)s servers at a time here, and all are running.",
            violation.limit,
        )
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
