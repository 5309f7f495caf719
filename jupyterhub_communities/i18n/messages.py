"""The sentences and formats of one language.

English source strings are the message ids. A catalogue is offered once it is complete; it is read
from its compiled `.mo`, or from its `.po` in a checkout where nothing was compiled. An operator's
own (`custom`) lie over ours.
"""

from __future__ import annotations

import datetime as dt
import gettext
import io
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal
from unicodedata import bidirectional
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, lists, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from langcodes import Language

from .catalogues import LOCALE_DIR, SOURCE_LANGUAGE, is_complete, tag_of
from .custom import OWN_NAME, CustomCatalogue, cldr_name
from .negotiation import also_read

Style = Literal["short", "medium", "long", "full"]
Zone = str | dt.tzinfo
Rounded = Callable[[Fraction], int]

_MEBIBYTE = 2**20
# By Unicode's script metadata.
_RIGHT_TO_LEFT = frozenset(
    ["Adlm", "Arab", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"]
)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a sentence that stands in a table, for extraction; it is looked up later."""
    return message


_BINARY_UNITS = (
    # TRANSLATORS: Units of 1024, as CLDR or your language writes them.
    (2**40, N_("%(size)s TiB")),
    (2**30, N_("%(size)s GiB")),
    (2**20, N_("%(size)s MiB")),
)
_DECIMAL_UNITS = (
    # TRANSLATORS: Units of 1000, as CLDR or your language writes them.
    (10**12, N_("%(size)s TB")),
    (10**9, N_("%(size)s GB")),
    (10**6, N_("%(size)s MB")),
    (10**3, N_("%(size)s kB")),
)


class Messages:
    """Everything that is said or formatted in one language.

    Placeholders are named, `%(name)s`; a literal per cent sign is `%%`. Whole numbers among them
    are formatted as the language writes them.
    """

    def __init__(self, tag: str, translations: gettext.NullTranslations | None = None) -> None:
        self.tag = tag
        self.locale = _formats_of(tag)
        self._translations = translations or gettext.NullTranslations()

    def __repr__(self) -> str:
        return f"Messages({self.tag!r})"

    # Sentences

    def gettext(self, message: str, **values: object) -> str:
        return self.fill(self._translations.gettext(message), values)

    def ngettext(self, one: str, many: str, num: int, **values: object) -> str:
        text = self._translations.ngettext(one, many, num)
        return self.fill(text, {"num": num, **values})

    def whole_like(self, number: float) -> int:
        """A whole number of the same plural category: gettext has none for `0.5`."""
        if number == int(number):
            return int(number)
        category = self.locale.plural_form(number)
        return next(n for n in range(1001) if self.locale.plural_form(n) == category)

    def pgettext(self, context: str, message: str, **values: object) -> str:
        return self.fill(self._translations.pgettext(context, message), values)

    def npgettext(self, context: str, one: str, many: str, num: int, **values: object) -> str:
        text = self._translations.npgettext(context, one, many, num)
        return self.fill(text, {"num": num, **values})

    def look_up(self, kind: str, *ids: Any) -> str:
        """A sentence whose placeholders somebody else fills; `kind` is gettext's function."""
        text: str = getattr(self._translations, kind)(*ids)
        return text

    def fill(self, text: str, values: dict[str, Any]) -> str:
        """`text` with its placeholders filled; works on `markupsafe.Markup` too, which escapes."""
        return text % {name: self._shown(value) for name, value in values.items()}

    def _shown(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return self.number(value)
        return self.isolated(value) if type(value) is str else value

    def isolated(self, text: str) -> str:
        """A name in a script that is written the other way moves nothing of what stands around it:
        between Unicode's isolates, which text needs that is no HTML."""
        others = "L" if self.direction == "rtl" else ("R", "AL")
        if any(bidirectional(character) in others for character in text):
            return f"\u2068{text}\u2069"
        return text

    # The language itself

    @cached_property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Which way the language is written, as in HTML's `dir`."""
        return "rtl" if Language.get(self.tag).maximize().script in _RIGHT_TO_LEFT else "ltr"

    @cached_property
    def own_name(self) -> str:
        """The language's name in itself, as a heading writes it: `Español`."""
        # TRANSLATORS: Not the word for English: the name of your language in itself, as the
        # language switch of every page shows it: Español, Kiswahili, Runasimi.
        name = self._translations.pgettext("name of this language", "English")
        return (cldr_name(self.tag) or self.tag) if name == OWN_NAME[1] else name

    def language_name(self, tag: str) -> str:
        """The name of another language in this one; the tag where there is none."""
        try:
            return Locale.parse(tag, sep="-").get_display_name(self.locale) or tag
        except ValueError:
            return tag
        except UnknownLocaleError:  # CLDR has its name, and nothing else of it
            name: str = self.locale.languages.get(tag, tag)
            return name

    # Formats, by CLDR

    def number(self, value: int | float) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def money(self, value: Decimal, currency: str) -> str:
        """An amount with the currency's sign, and as many digits as it has."""
        return numbers.format_currency(value, currency, locale=self.locale)

    def country_name(self, code: str) -> str:
        """A country by two letters of ISO 3166-1; the letters where there is no name."""
        name: str = self.locale.territories.get(code, code)
        return name

    def date(self, value: dt.date, zone: Zone | None = None, style: Style = "long") -> str:
        """A day. A datetime falls on the day that it is in `zone`, else where the hub is; without an
        offset it is in UTC, as the Hub's own are."""
        if isinstance(value, dt.datetime):
            moment = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
            value = moment.astimezone(_tzinfo(_hub_zone if zone is None else zone))
        return dates.format_date(value, format=style, locale=self.locale)

    def month(self, value: dt.date) -> str:
        """A month with its year: `March 2026`."""
        return dates.format_skeleton("yMMMM", value, locale=self.locale)

    def day(self, value: dt.datetime, zone: Zone) -> str:
        """Day and month in `zone`, as short as a picture needs them."""
        return dates.format_skeleton("MMMd", value, tzinfo=_tzinfo(zone), locale=self.locale)

    def time(self, value: dt.datetime, zone: Zone) -> str:
        """Hours and minutes in `zone`."""
        return dates.format_time(value, format="short", tzinfo=_tzinfo(zone), locale=self.locale)

    def datetime(self, value: dt.datetime, zone: Zone, style: Style = "long") -> str:
        """Day, hours and minutes in `zone`, with the zone's name."""
        return self._with_zone(self._datetime(value, zone, style), zone)

    def interval(
        self, start: dt.datetime, end: dt.datetime, zone: Zone, style: Style = "long"
    ) -> str:
        """From when to when, the day said once where it is one day, with the zone's name."""
        tz = _tzinfo(zone)
        if start.astimezone(tz).date() == end.astimezone(tz).date():
            skeleton = "hm" if "a" in self.locale.time_formats["short"].pattern else "Hm"
            times = dates.format_interval(
                start.astimezone(tz), end.astimezone(tz), skeleton, tz, locale=self.locale
            )
            text = self._join(self.date(start, tz, style), times, style)
        else:
            pattern = self.locale.interval_formats[None]  # CLDR's fallback, such as {0} – {1}
            text = pattern.replace("{0}", self._datetime(start, tz, style)).replace(
                "{1}", self._datetime(end, tz, style)
            )
        return self._with_zone(text, zone)

    def _datetime(self, value: dt.datetime, zone: Zone, style: Style) -> str:
        return self._join(self.date(value, zone, style), self.time(value, zone), style)

    def _join(self, day: str, times: str, style: Style) -> str:
        pattern = str(dates.get_datetime_format(style, locale=self.locale))
        return pattern.replace("'", "").replace("{0}", times).replace("{1}", day)

    def _with_zone(self, text: str, zone: Zone) -> str:
        return f"{text} ({self.zone_name(zone)})"

    def zone_name(self, zone: Zone) -> str:
        """What people call the zone: `Peru Time`; UTC stays UTC."""
        tz = _tzinfo(zone)
        name = getattr(tz, "key", None) or str(tz)
        if name in ("UTC", "Etc/UTC"):
            return "UTC"
        name = dates.get_timezone_location(tz, locale=self.locale)
        return name.replace(" (", ", ").replace(")", "")  # it comes to stand in brackets itself

    def size(self, size: int, rounded: Rounded = round, *, beside: Iterable[int] = ()) -> str:
        """Bytes: in units of 1024 (`2 GiB`) where they come out even, else of 1000 (`1.5 GB`), to
        hundredths; `beside` others that it is compared with, where all of them do."""
        is_even = math.gcd(size, *beside) % _MEBIBYTE == 0
        for factor, unit in _BINARY_UNITS if is_even else _DECIMAL_UNITS:
            if size * 10_000 >= factor * 9_999:  # a lease has 1 GB in whole KiB
                part = rounded(Fraction(size * 100, factor)) / 100
                shown = numbers.format_decimal(part, "#,##0.##", locale=self.locale)
                return self.gettext(unit, size=shown)
        return self.ngettext("%(num)s byte", "%(num)s bytes", size)

    def duration(self, value: dt.timedelta | float) -> str:
        """A stretch of time by its two largest units: `2 hours and 30 minutes`."""
        seconds = round(value.total_seconds() if isinstance(value, dt.timedelta) else value)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        # Not CLDR's unit patterns: Babel leaves "1 duration-day" where a locale inherits one.
        parts = [
            days and self.ngettext("%(num)s day", "%(num)s days", days),
            hours and self.ngettext("%(num)s hour", "%(num)s hours", hours),
            minutes and self.ngettext("%(num)s minute", "%(num)s minutes", minutes),
            seconds and self.ngettext("%(num)s second", "%(num)s seconds", seconds),
        ]
        largest = next((at for at, part in enumerate(parts) if part), None)
        if largest is None:
            return self.ngettext("%(num)s second", "%(num)s seconds", 0)
        return self.listing(part for part in parts[largest : largest + 2] if part)

    def listing(self, items: Iterable[str]) -> str:
        """`a, b and c`."""
        return lists.format_list(list(items), locale=self.locale)


def _formats_of(tag: str) -> Locale:
    """CLDR's formats of the language; where it has none, as for Aymara, those of the language that
    most of its speakers also read."""
    for wanted in (tag, tag.partition("-")[0]):
        try:
            return Locale.parse(wanted, sep="-")
        except UnknownLocaleError:
            pass
    return Locale.parse(also_read(tag, tuple(_ours())) or SOURCE_LANGUAGE, sep="-")


def _tzinfo(zone: Zone) -> dt.tzinfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone


@cache
def offered() -> tuple[str, ...]:
    """Tags of the languages whose catalogue is complete, ordered by their own names."""
    return tuple(sorted(_catalogues(), key=lambda tag: messages_for(tag).own_name.casefold()))


@cache
def messages_for(tag: str) -> Messages:
    """The language with exactly this tag. Raises `KeyError` where it is not offered."""
    return Messages(tag, _catalogues()[tag])


def read_formats() -> None:
    """Reads what the formats of every language need, so that nobody's first page waits for it."""
    start = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    for tag in offered():
        messages_for(tag).interval(start, start + dt.timedelta(hours=1), "UTC")


def use_zone(zone: Zone) -> None:
    """Where the hub is, for the whole process: days that belong to no other place are told there."""
    global _hub_zone
    _hub_zone = zone


_hub_zone: Zone = "UTC"


def use_custom(custom: Mapping[str, CustomCatalogue]) -> None:
    """Lays an operator's catalogues over ours, for the whole process, instead of earlier ones."""
    _custom.clear()
    _custom.update(custom)
    for known in (offered, messages_for, _catalogues):
        known.cache_clear()


_custom: dict[str, CustomCatalogue] = {}


@cache
def _catalogues() -> dict[str, gettext.NullTranslations]:
    found = _ours()
    return found | {tag: _over(found, custom) for tag, custom in _custom.items()}


def _over(
    ours: Mapping[str, gettext.NullTranslations], custom: CustomCatalogue
) -> gettext.NullTranslations:
    translations = gettext.GNUTranslations(io.BytesIO(custom.compiled))
    if custom.over is not None and custom.over != SOURCE_LANGUAGE:
        translations.add_fallback(ours[custom.over])
    return translations


@cache
def _ours() -> dict[str, gettext.NullTranslations]:
    found: dict[str, gettext.NullTranslations] = {SOURCE_LANGUAGE: gettext.NullTranslations()}
    for folder in sorted(LOCALE_DIR.glob("*/LC_MESSAGES")):
        translations = _read(folder / "messages.po")
        if translations is not None:
            found[tag_of(folder)] = translations
    return found


def _read(po: Path) -> gettext.GNUTranslations | None:
    mo = po.with_suffix(".mo")
    if mo.exists() and not (po.exists() and po.stat().st_mtime > mo.stat().st_mtime):
        return gettext.GNUTranslations(io.BytesIO(mo.read_bytes()))
    if not po.exists():
        return None
    with po.open("rb") as file:
        catalogue = read_po(file)
    if not is_complete(catalogue):
        return None
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
