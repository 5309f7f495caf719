"""Long lists, a page at a time. What is added or gone meanwhile shifts nothing: a page begins behind
an entry, not at a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

# Where an entry stands in its list: as many values as the list is ordered by, unlike all others'.
Key = tuple[Any, ...]

MOST_ENTRIES = 200  # of a page
USUAL_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked for."""

    limit: int = USUAL_ENTRIES
    after: Key | None = None  # None: from the beginning


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What there is of it."""

    entries: tuple[T, ...]
    after: Key | None  # where the next page begins; None: this was the last

    def map(self, function: Callable[[T], U]) -> Part[U]:
        return Part(tuple(function(entry) for entry in self.entries), self.after)


def part_of(found: Sequence[T], key: Callable[[T], Key], page: Page) -> Part[T]:
    """Of what was found behind `page.after`, in order: at least one entry more than asked for, if
    there are so many."""
    entries = tuple(found[: page.limit])
    return Part(entries, key(entries[-1]) if len(found) > page.limit else None)


def part_of_all(all_of_them: Iterable[T], key: Callable[[T], Key], page: Page) -> Part[T]:
    """Of a list that is short enough to be had as a whole. Its order is that of the keys."""
    after = page.after
    ordered = sorted(all_of_them, key=key)
    return part_of([one for one in ordered if after is None or key(one) > after], key, page)
