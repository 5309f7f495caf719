"""A community's numbers in words, and as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..application.numbers import Numbers
from ..domain.audit import FEWEST
from ..domain.grants import Role
from ..i18n.messages import Messages
from .tables import csv_text

MOST_LISTED = 12  # workshops that a report has room for on its page


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what, and how much. `more` are names, in the reader's language."""

    label: str
    text: str
    more: str = ""


def facts_of(numbers: Numbers, messages: Messages, *, hides_few: bool = False) -> list[Fact]:
    """`hides_few` for readers from outside: no number of people below five."""
    number = messages.number

    def people(count: int) -> str:
        if hides_few and count < FEWEST:
            return messages.gettext("Fewer than 5 people")
        return number(count)

    # TRANSLATORS: What a community did in some time: each has a number, or names, beside it.
    facts = [
        Fact(messages.gettext("Workshops held"), number(len(numbers.workshops))),
        Fact(messages.gettext("People who took part"), people(numbers.people)),
        # TRANSLATORS: How many places workshops were held at.
        Fact(messages.gettext("Sites"), number(numbers.sites)),
        Fact(
            # TRANSLATORS: In how many countries workshops were held.
            messages.gettext("Countries"),
            number(len(numbers.countries)),
            _names(numbers.countries, messages.country_name, messages),
        ),
        Fact(
            # TRANSLATORS: In how many languages workshops were held.
            messages.gettext("Languages"),
            number(len(numbers.languages)),
            _names(numbers.languages, messages.language_name, messages),
        ),
        Fact(
            messages.gettext("Hours of teaching"), _hours(numbers.taught.total_seconds(), messages)
        ),
        Fact(
            messages.gettext("Hours that servers ran"),
            _hours(numbers.server_time.total_seconds(), messages),
        ),
        Fact(messages.gettext("New instructors from workshops"), people(numbers.instructors)),
        Fact(messages.gettext("New helpers from workshops"), people(numbers.helpers)),
    ]
    if numbers.cost is not None:
        cost = messages.money(numbers.cost.amount, numbers.cost.currency)
        facts.append(Fact(messages.gettext("Cost of the servers"), cost))
    return facts


def numbers_csv(numbers: Numbers) -> str:
    """One number in each row, under the names of the API: the same in every language."""
    rows = [("number", "of", "value"), *((name, of, str(n)) for name, of, n in _rows(numbers))]
    return csv_text(rows)


def _rows(numbers: Numbers) -> Iterator[tuple[str, str, object]]:
    yield "workshops", "", len(numbers.workshops)
    yield "people", "", numbers.people
    yield "sites", "", numbers.sites
    for code, count in sorted(numbers.countries.items()):
        yield "workshops", f"country {code}", count
    for tag, count in sorted(numbers.languages.items()):
        yield "workshops", f"language {tag}", count
    yield "taught", "hours", f"{numbers.taught.total_seconds() / 3600:.2f}"
    yield "server_time", "hours", f"{numbers.server_time.total_seconds() / 3600:.2f}"
    yield "trained", Role.INSTRUCTOR.label, numbers.instructors
    yield "trained", Role.HELPER.label, numbers.helpers
    if numbers.cost is not None:
        yield "cost", numbers.cost.currency, f"{numbers.cost.amount:.2f}"


def _names(counts: Mapping[str, int], name: Callable[[str], str], messages: Messages) -> str:
    """The most frequent first."""
    ordered = sorted(counts, key=lambda key: (-counts[key], key))
    return messages.listing(name(key) for key in ordered) if ordered else ""


def _hours(seconds: float, messages: Messages) -> str:
    hours = seconds / 3600
    return messages.number(round(hours) if hours >= 10 else round(hours, 1))
