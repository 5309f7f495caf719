"""Times as people give them."""

from __future__ import annotations

from datetime import UTC, datetime

FIRST_YEAR, LAST_YEAR = 2000, 2200  # beyond them is a typing error


def in_utc(time: datetime) -> datetime:
    """The moment, for comparing and keeping. Raises `ValueError` for a year that nobody means.

    Two times of one zone compare by the clock on the wall, which jumps twice a year where there is
    summer time; in UTC they compare as they follow each other.
    """
    try:
        moment = time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"not in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment
