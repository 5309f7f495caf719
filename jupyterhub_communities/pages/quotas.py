"""Quotas in words: amounts, and the limits that a request would break."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from ..application.reservations import Overbooked, Reserve
from ..domain.quotas import Verdict
from ..domain.refusals import QuotaExceeded, ReservationTooLarge, Violation
from ..domain.remaining import Left
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
    Amounts,
    gpu_kind,
    is_spent,
    kind_of,
)
from ..domain.windows import CalendarMonth, Rolling, WholeGrant, Window
from ..i18n.messages import Messages, Rounded

# How much of the base unit is one of what people read; of sizes, CLDR's units say it.
UNITS = {CPU: 1000, SERVER_TIME: 3600, CPU_TIME: 3_600_000, MEMORY_TIME: 2**20 * 3600}
UNITS |= {GPU_TIME: 3600}


def amount_in_words(
    resource: str,
    amount: int,
    messages: Messages,
    rounded: Rounded = round,
    *,
    beside: Iterable[int] = (),
) -> str:
    """An amount that is held: `30 servers`, `2 GiB of memory`."""
    kind = kind_of(resource)
    if kind == MEMORY:
        size = messages.size(amount, rounded, beside=beside)
        # TRANSLATORS: What a server has; further sizes follow, in a list.
        return messages.gettext("%(size)s of memory", size=size)
    if kind == STORAGE:
        size = messages.size(amount, rounded, beside=beside)
        return messages.gettext("%(size)s of storage", size=size)
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


def spent_in_words(resource: str, amount: int, messages: Messages) -> str:
    """An amount that is spent: `3 server hours`. Rounded down to hundredths."""
    kind = kind_of(resource)
    hours = amount * 100 // UNITS[kind] / 100
    num, count = messages.whole_like(hours), messages.number(hours)
    if kind == CPU_TIME:
        return messages.ngettext(
            # TRANSLATORS: One processor used for an hour.
            "%(count)s processor hour",
            "%(count)s processor hours",
            num,
            count=count,
        )
    if kind == MEMORY_TIME:
        return messages.ngettext(
            # TRANSLATORS: A GiB of memory used for an hour.
            "%(count)s GiB-hour of memory",
            "%(count)s GiB-hours of memory",
            num,
            count=count,
        )
    if kind == GPU_TIME:
        return messages.ngettext(
            "%(count)s GPU hour (%(kind)s)",
            "%(count)s GPU hours (%(kind)s)",
            num,
            count=count,
            kind=gpu_kind(resource),
        )
    return messages.ngettext(
        # TRANSLATORS: A server that runs for an hour.
        "%(count)s server hour",
        "%(count)s server hours",
        num,
        count=count,
    )


def resource_in_words(resource: str, messages: Messages) -> str:
    """What a column or a picture of it is called."""
    kind = kind_of(resource)
    if kind in (GPU, GPU_TIME):
        name = gpu_kind(resource)
        if kind == GPU:
            return messages.gettext("GPUs (%(kind)s)", kind=name)
        return messages.gettext("GPU hours (%(kind)s)", kind=name)
    return {
        # TRANSLATORS: What there is a limit of: of a row of numbers, and of a picture.
        SERVERS: messages.gettext("Servers"),
        # TRANSLATORS: Of servers: what there is a limit of.
        CPU: messages.gettext("Processors"),
        # TRANSLATORS: Of a server: what there is a limit of.
        MEMORY: messages.gettext("Memory"),
        # TRANSLATORS: Room for files: what there is a limit of.
        STORAGE: messages.gettext("Storage"),
        SERVER_TIME: messages.gettext("Server hours"),
        CPU_TIME: messages.gettext("Processor hours"),
        MEMORY_TIME: messages.gettext("GiB-hours of memory"),
    }[kind]


def quantity_in_words(resource: str, amount: int, messages: Messages) -> str:
    """An amount where the resource is named beside it: `30`, `2 GiB`, `1.5`. Times are hours,
    rounded down to hundredths."""
    kind = kind_of(resource)
    if kind in (MEMORY, STORAGE):
        return messages.size(amount)
    return messages.number(amount * 100 // UNITS.get(kind, 1) / 100)


def window_in_words(window: Window, zone: str, messages: Messages) -> str:
    """Over which time a limit counts."""
    if isinstance(window, Rolling):
        # TRANSLATORS: Over which time a limit counts, below what is limited: “Server hours”.
        return messages.ngettext("in the last 24 hours", "in the last %(num)s days", window.days)
    if isinstance(window, CalendarMonth):
        # TRANSLATORS: Over which time a limit counts: from the first of the month on.
        return messages.gettext("in this month")
    if isinstance(window, WholeGrant):
        return messages.gettext("since %(date)s", date=messages.date(window.starts_at, zone))
    # TRANSLATORS: Over which time a limit counts: a workshop's.
    return messages.gettext("from the first session to the last")


def amounts_in_words(amounts: Amounts, messages: Messages) -> str:
    return messages.listing(amount_in_words(what, n, messages) for what, n in amounts.items())


def left_in_words(left: Iterable[Left], zone: str, messages: Messages) -> str:
    """All that is left at a place, as a list; empty where nothing is limited."""
    parts = []
    for one in left:
        if not is_spent(one.resource):
            parts.append(amount_in_words(one.resource, one.amount, messages))
        elif one.until is None:
            parts.append(spent_in_words(one.resource, one.amount, messages))
        else:
            parts.append(
                # TRANSLATORS: Something that is left to be spent, such as “3 server hours”; at that
                # time there is more of it again.
                messages.gettext(
                    "%(amount)s until %(time)s",
                    amount=spent_in_words(one.resource, one.amount, messages),
                    time=messages.datetime(one.until, zone, "medium"),
                )
            )
    return messages.listing(parts) if parts else ""


def wait_in_words(verdict: Verdict, zone: str, messages: Messages) -> str:
    """Of a profile that would not start now: when it will."""
    beyond_help = {claim.resource for claim in verdict.exceeded if claim.helps == "nothing"}
    if SERVERS in beyond_help:
        return messages.gettext("Nobody may start a server here at present.")
    if verdict.never_fits and SERVER_TIME not in beyond_help:
        return messages.gettext("It is larger than you may use here.")
    is_own = any(claim.scope.member is not None for claim in verdict.exceeded)
    if verdict.earliest is not None:
        time = messages.datetime(_next_minute(verdict.earliest), zone)
        if any(claim.helps != "stop" for claim in verdict.exceeded):
            return messages.gettext("There is not enough for it now, but on %(time)s.", time=time)
        if is_own:
            return messages.gettext(
                "There is not enough for it now, but on %(time)s, or when you have stopped one of "
                "your servers.",
                time=time,
            )
        return messages.gettext(
            "There is not enough for it now, but on %(time)s, or when somebody has stopped a server.",
            time=time,
        )
    if beyond_help:
        return messages.gettext("There is not enough for it: the limit has to be raised.")
    if is_own:
        return messages.gettext(
            "There is not enough for it until you have stopped one of your servers."
        )
    return messages.gettext("There is not enough for it until somebody has stopped a server.")


def reserve_in_words(reserve: Reserve | None, zone: str, messages: Messages) -> list[str]:
    """What a workshop has for itself, and what would be missing when it opens."""
    if reserve is None:
        return []
    sentences = [
        messages.gettext(
            "Kept for each session: %(amounts)s.",
            amounts=amounts_in_words(reserve.amounts, messages),
        )
    ]
    if reserve.short and reserve.opens_at is not None:
        sentences.append(
            messages.gettext(
                "As things stand now, others will still be using %(amounts)s of it on %(time)s.",
                amounts=amounts_in_words(reserve.short, messages),
                time=messages.datetime(reserve.opens_at, zone),
            )
        )
    return sentences


def overbooked_in_words(found: Overbooked, messages: Messages) -> list[str]:
    """Who has to give how much, since a limit was cut."""
    sentences = []
    for one in found.overbookings:
        for giving in one.givers:
            scope = giving.reservation.scope
            zone = found.zones.get(scope, "UTC")
            words = {
                "time": messages.interval(one.starts_at, one.ends_at, zone, "medium"),
                "wanted": amount_in_words(one.resource, one.reserved, messages),
                "left": amount_in_words(one.resource, one.owned, messages),
                "workshop": found.titles.get(scope, scope.workshop),
                "amount": amount_in_words(one.resource, giving.amount, messages),
            }
            if one.is_hub:
                sentence = messages.gettext(
                    "%(time)s. Kept for workshops of all communities: %(wanted)s; this hub has: "
                    "%(left)s. The workshop %(workshop)s has to give %(amount)s.",
                    **words,
                )
            else:
                sentence = messages.gettext(
                    "%(time)s. Kept for workshops: %(wanted)s; the community has: %(left)s. "
                    "The workshop %(workshop)s has to give %(amount)s.",
                    **words,
                )
            sentences.append(sentence)
    return sentences


def _next_minute(time: datetime) -> datetime:
    """No sooner than said."""
    past = timedelta(seconds=time.second, microseconds=time.microsecond)
    return time + (timedelta(minutes=1) - past if past else past)


def quota_exceeded(refusal: QuotaExceeded, messages: Messages) -> str:
    """Every violated limit, when to try again, and what would start now."""
    sentences = [violation_in_words(violation, messages) for violation in refusal.violations]
    if any(violation.reserved and violation.limit for violation in refusal.violations):
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
    beyond_help = {one.resource for one in refusal.violations if one.helps == "nothing"}
    ask = messages.gettext("Please ask a champion of your community.")
    if refusal.never and not beyond_help & {SERVERS, SERVER_TIME}:
        return messages.gettext(
            "A server of this size never fits here. Please choose a smaller profile."
        )
    if refusal.never:
        return ask  # the smallest server needs them too
    is_own = any(one.scope == "member" for one in refusal.violations)
    if refusal.earliest is not None:
        time = messages.datetime(_next_minute(refusal.earliest), refusal.zone)
        if any(one.helps != "stop" for one in refusal.violations):
            return messages.gettext("Try again on %(time)s.", time=time)
        if is_own:
            return messages.gettext(
                "Try again on %(time)s, or when you have stopped one of your servers.", time=time
            )
        return messages.gettext(
            "Try again on %(time)s, or when somebody has stopped a server.", time=time
        )
    if beyond_help:
        spent = messages.gettext("It does not come back by itself: the limit has to be raised.")
        return f"{spent} {ask}"
    if is_own:
        return messages.gettext("Try again when you have stopped one of your servers.")
    return messages.gettext("Try again when somebody has stopped a server.")


def violation_in_words(violation: Violation, messages: Messages) -> str:
    """One limit that a start would break."""
    if violation.resource == SERVERS and not violation.limit and violation.scope != "cohort":
        return _nobody_may(violation, messages)
    if violation.resource == SERVERS and not violation.reserved and violation.scope != "cohort":
        return _all_servers_run(violation, messages)
    if violation.scope == "member":
        return _own_limit(violation, messages)
    kind = kind_of(violation.resource)
    # What is left is rounded down and what is needed up, so that both never look the same.
    unit = UNITS.get(kind, 1)
    left, wanted = violation.left * 100 // unit / 100, -(-violation.wanted * 100 // unit) / 100
    values = {
        "name": violation.name,
        "kind": gpu_kind(violation.resource),
        "left": messages.number(left),
        "wanted": messages.number(wanted),
    }
    if kind in (MEMORY, STORAGE):
        beside = (violation.left, violation.wanted)
        values["left"] = messages.size(violation.left, math.floor, beside=beside)
        values["wanted"] = messages.size(violation.wanted, math.ceil, beside=beside)
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


def violation_in_a_table(violation: Violation, messages: Messages) -> str:
    """The same in a row about somebody, for those who look after limits: it does not speak to the
    person."""
    if violation.scope != "member":
        return violation_in_words(violation, messages)
    resource = violation.resource
    if resource == SERVERS:
        # TRANSLATORS: In a table of starts, each of somebody: the limit that one would break.
        return messages.ngettext(
            "Each person may run one server at a time here.",
            "Each person may run %(num)s servers at a time here.",
            violation.limit,
        )
    if is_spent(resource):
        # TRANSLATORS: In a table of starts, each of somebody: the limit that one would break.
        return messages.gettext(
            "Each person may spend %(limit)s here; spent: %(held)s; needed for a start: %(wanted)s.",
            limit=spent_in_words(resource, violation.limit, messages),
            held=spent_in_words(resource, violation.held, messages),
            wanted=spent_in_words(resource, _rounded_up(violation), messages),
        )
    # TRANSLATORS: In a table of starts, each of somebody: the limit that one would break.
    return messages.gettext(
        "Each person may use %(limit)s here at a time; in use: %(held)s; needed: %(wanted)s.",
        **_compared(violation, messages),
    )


def _compared(violation: Violation, messages: Messages) -> dict[str, str]:
    """What is held, rounded so that it never looks as if the server would fit."""
    beside = (violation.limit, violation.held, violation.wanted)
    rounded: tuple[Rounded, ...] = (math.floor, math.ceil, math.ceil)
    return {
        name: amount_in_words(violation.resource, amount, messages, by, beside=beside)
        for name, amount, by in zip(("limit", "held", "wanted"), beside, rounded, strict=True)
    }


def _rounded_up(violation: Violation) -> int:
    """What is needed, to hundredths, so that it never looks like what is left."""
    unit = UNITS[kind_of(violation.resource)]
    return -(violation.wanted * -100 // unit * unit // 100)


def _own_limit(violation: Violation, messages: Messages) -> str:
    """A limit for each person, said to that person."""
    resource = violation.resource
    if is_spent(resource):
        return messages.gettext(
            "You may still spend %(left)s here; a start needs %(wanted)s.",
            left=spent_in_words(resource, violation.left, messages),
            wanted=spent_in_words(resource, _rounded_up(violation), messages),
        )
    return messages.gettext(
        "You may use %(limit)s here at a time, and use %(held)s; this server needs %(wanted)s.",
        **_compared(violation, messages),
    )


def _nobody_may(violation: Violation, messages: Messages) -> str:
    """Whoever looks after a place may have closed it by a limit of 0; or all of it is on loan."""
    if violation.scope == "member":
        return messages.gettext("Nobody may start a server here at present.")
    if violation.scope == "workshop":
        return messages.gettext(
            "Nobody may start a server in the workshop %(name)s at present.", name=violation.name
        )
    if violation.scope == "community":
        return messages.gettext(
            "Nobody may start a server in the community %(name)s at present.", name=violation.name
        )
    return messages.gettext("Nobody may start a server on this hub at present.")


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
