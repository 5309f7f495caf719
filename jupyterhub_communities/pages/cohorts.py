"""Cohorts in words: what is asked for, what is lent, and a picture of who has what."""

from __future__ import annotations

from collections.abc import Sequence

import pygal
from pygal.style import Style

from ..application.cohorts import CohortRow
from ..domain.asks import Ask, AskState
from ..domain.communities import Community
from ..domain.loans import Loan
from ..domain.units import is_spent
from ..domain.windows import read_window
from ..i18n.messages import Messages
from .pictures import LEGEND_ROW, Line, css_of, directed, still, ticks_to
from .quotas import (
    amount_in_words,
    quantity_in_words,
    resource_in_words,
    spent_in_words,
    window_in_words,
)

_LONGEST = 18  # letters of a name beside its bar, on a narrow screen
_KEPT = 8  # of each end of a longer one


def limit_in_words(name: str, zone: str, messages: Messages) -> str:
    """Of a limit of which more can be asked for: `Servers`, `Server hours in this month`."""
    resource, _, span = name.partition(" ")
    if not span:
        return resource_in_words(resource, messages)
    return messages.gettext(
        # TRANSLATORS: A limit, such as “Server hours (in this month)”.
        "%(resource)s (%(window)s)",
        resource=resource_in_words(resource, messages),
        window=window_in_words(read_window(span, ()), zone, messages),
    )


def ask_in_words(ask: Ask, community: Community, zone: str, messages: Messages) -> str:
    """What is asked for, in one sentence."""
    words = {"name": community.name(messages.tag), "amount": _amount(ask, zone, messages)}
    if ask.until is None:
        return messages.gettext("%(name)s asks for more, to keep: %(amount)s.", **words)
    return messages.gettext(
        "%(name)s asks for more until %(time)s: %(amount)s.",
        **words,
        time=messages.datetime(ask.until, zone, "medium"),
    )


def _amount(ask: Ask, zone: str, messages: Messages) -> str:
    if not is_spent(ask.resource):
        return amount_in_words(ask.resource, ask.amount, messages)
    window = read_window(ask.limit.partition(" ")[2], ())
    return messages.gettext(
        # TRANSLATORS: An amount with the time over which it counts: “50 server hours (in this month)”.
        "%(amount)s (%(window)s)",
        amount=spent_in_words(ask.resource, ask.amount, messages),
        window=window_in_words(window, zone, messages),
    )


def answer_in_words(ask: Ask, lender: Community | None, zone: str, messages: Messages) -> str:
    """Who answered how, and when; empty while it is open."""
    if ask.answered_at is None:
        return ""
    time = messages.datetime(ask.answered_at, zone, "medium")
    if ask.state is AskState.GRANTED:
        return messages.gettext("The operator granted it on %(time)s.", time=time)
    if ask.state is AskState.DECLINED:
        return messages.gettext("The operator declined it on %(time)s.", time=time)
    if ask.state is AskState.WITHDRAWN:
        return messages.gettext("It was withdrawn on %(time)s.", time=time)
    if lender is None:
        return messages.gettext("Another community answered it with a loan on %(time)s.", time=time)
    return messages.gettext(
        "%(name)s answered it with a loan on %(time)s.",
        name=lender.name(messages.tag),
        time=time,
    )


def loan_in_words(
    loan: Loan, lender: Community, borrower: Community, zone: str, messages: Messages
) -> str:
    return messages.gettext(
        # TRANSLATORS: A loan from one community to another one, such as: “2 March, 9:00 – 12:00 (Lima):
        # Andes lends Cerrado 5 servers.”
        "%(time)s: %(lender)s lends %(name)s %(amount)s.",
        time=messages.interval(loan.starts_at, loan.ends_at, zone, "medium"),
        lender=lender.name(messages.tag),
        name=borrower.name(messages.tag),
        amount=amount_in_words(loan.resource, loan.amount, messages),
    )


def draw_shares(
    rows: Sequence[CohortRow], resource: str, messages: Messages, *, is_narrow: bool
) -> bytes:
    """A bar for each community: what it uses, keeps for workshops, lends, and has idle."""
    names, parts = [], []
    for row in reversed(rows):  # pygal begins below
        for one in row.view.held:
            if one.resource == resource:
                name = row.community.name(messages.tag)
                names.append(_shortened(name) if is_narrow else name)
                kept = max(0, one.reserved - one.held)
                parts.append((one.held, kept, one.lent, one.idle or 0))
    lines = [
        Line("used", messages.gettext("In use"), []),
        Line("reserved", messages.gettext("Reserved"), []),
        Line("lent", messages.gettext("Lent"), []),
        Line("quiet", messages.gettext("Idle"), []),
    ]
    ticks = ticks_to(max((sum(each) for each in parts), default=0), resource)
    chart = pygal.HorizontalStackedBar(
        js=[],
        no_prefix=True,
        width=360 if is_narrow else 880,
        height=110 + 44 * max(1, len(names)) + (LEGEND_ROW * (len(lines) - 1) if is_narrow else 0),
        margin=8,
        margin_right=24,
        title=directed(resource_in_words(resource, messages), messages),
        legend_at_bottom=True,
        legend_at_bottom_columns=1 if is_narrow else len(lines),
        truncate_legend=-1,
        truncate_label=-1,
        range=(0, ticks[-1]),
        x_labels=[directed(name, messages) for name in names],
        y_labels=ticks,
        print_values=False,
        value_formatter=lambda amount: directed(
            quantity_in_words(resource, round(amount), messages) if amount else messages.number(0),
            messages,
        ),
        style=Style(
            label_font_size=13, major_label_font_size=13, legend_font_size=14, title_font_size=16
        ),
        css=[f"inline:{css_of(lines)}"],
    )
    for number, line in enumerate(lines):
        chart.add(directed(line.name, messages), [each[number] for each in parts])
    chart.add_xml_filter(still)
    drawn: bytes = chart.render()
    return drawn


def _shortened(name: str) -> str:
    """In the middle: names of one cohort begin alike."""
    return name if len(name) <= _LONGEST else f"{name[:_KEPT].rstrip()}…{name[-_KEPT:].lstrip()}"
