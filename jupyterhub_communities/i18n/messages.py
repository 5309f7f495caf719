"""The sentences and formats of one language.

English source strings are the message ids. A catalogue is offered once it is complete; it is read
from its compiled `.mo`, or from its `.po` in a checkout where nothing was compiled.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterable
from datetime import date, timedelta, tzinfo
from datetime import datetime as Datetime  # noqa: N812 - `Messages.datetime` hides it
from functools import cache, cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, dates, lists, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from .catalogues import LOCALE_DIR, SOURCE_LANGUAGE, is_complete, tag_of

Style = Literal["short", "medium", "long", "full"]
Zone = str | tzinfo

_MEBIBYTE = 2**20
_UNIT_SECONDS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a sentence that stands in a table, for extraction; it is looked up later."""
    return message


class Messages:
    """Everything that is said or formatted in one language.

    Placeholders are named, `%(name)s`; a literal per cent sign is `%%`. Whole numbers among them
    are formatted as the language writes them.
    """

    def __init__(self, tag: str, translations: gettext.NullTranslations | None = None) -> None:
        self.tag = tag
        self.locale = Locale.parse(tag, sep="-")
        self._translations = translations or gettext.NullTranslations()

    def __repr__(self) -> str:
        return f"Messages({self.tag!r})"

    # Sentences

    def gettext(self, message: str, **values: object) -> str:
        return self.fill(self._translations.gettext(message), values)

    def ngettext(self, one: str, many: str, num: int, **values: object) -> str:
        text = self._translations.ngettext(one, many, num)
        return self.fill(text, {"num": num, **values})

    def pgettext(self, context: str, message: str, **values: object) -> str:
        return self.fill(self._translations.pgettext(context, message), values)

    def npgettext(self, context: str, one: str, many: str, num: int, **values: object) -> str:
        text = self._translations.npgettext(context, one, many, num)
        return self.fill(text, {"num": num, **values})

    # For Jinja, whose extension fills the placeholders itself, escaping what they hold

    def raw_gettext(self, message: str) -> str:
        return self._translations.gettext(message)

    def raw_ngettext(self, one: str, many: str, num: int) -> str:
        return self._translations.ngettext(one, many, num)

    def raw_pgettext(self, context: str, message: str) -> str:
        return self._translations.pgettext(context, message)

    def raw_npgettext(self, context: str, one: str, many: str, num: int) -> str:
        return self._translations.npgettext(context, one, many, num)

    def fill(self, text: str, values: dict[str, object]) -> str:
        """`text` with its placeholders filled; works on `markupsafe.Markup` too, which escapes."""
        return text % {name: self._shown(value) for name, value in values.items()}

    def _shown(self, value: object) -> object:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return self.number(value) if is_number else value  # type: ignore[arg-type]

    # The language itself

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Which way the language is written, as in HTML's `dir`."""
        return "rtl" if self.locale.character_order == "right-to-left" else "ltr"

    @cached_property
    def own_name(self) -> str:
        """The language's name in itself, as a heading writes it: `Español`."""
        name = self.locale.get_display_name(self.locale) or self.tag
        return name[:1].upper() + name[1:]

    def language_name(self, tag: str) -> str:
        """The name of another language in this one; the tag where there is none."""
        try:
            return Locale.parse(tag, sep="-").get_display_name(self.locale) or tag
        except ValueError:  # UnknownLocaleError is one
            return tag

    # Formats, by CLDR

    def number(self, value: int | float) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def date(self, value: date, zone: Zone | None = None, style: Style = "long") -> str:
        """A day. A datetime falls on the day that it is in `zone`."""
        if isinstance(value, Datetime) and zone is not None:
            value = value.astimezone(_tzinfo(zone))
        return dates.format_date(value, format=style, locale=self.locale)

    def time(self, value: Datetime, zone: Zone) -> str:
        """Hours and minutes in `zone`."""
        return dates.format_time(value, format="short", tzinfo=_tzinfo(zone), locale=self.locale)

    def datetime(self, value: Datetime, zone: Zone, style: Style = "long") -> str:
        """Day, hours and minutes in `zone`, with the zone's name."""
        return self._with_zone(self._datetime(value, zone, style), zone)

    def interval(self, start: Datetime, end: Datetime, zone: Zone, style: Style = "long") -> str:
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

    def _datetime(self, value: Datetime, zone: Zone, style: Style) -> str:
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
        return dates.get_timezone_location(tz, locale=self.locale)

    def size(self, size: int) -> str:
        """Bytes: in units of 1024 (`2 GiB`) where they come out even, else of 1000 (`1.5 GB`)."""
        if size and size % _MEBIBYTE == 0:
            for factor, symbol in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
                if size >= factor:
                    text = numbers.format_decimal(size / factor, "#,##0.##", locale=self.locale)
                    return f"{text}\N{NO-BREAK SPACE}{symbol}"
        for factor, unit in ((10**12, "terabyte"), (10**9, "gigabyte"), (10**6, "megabyte")):
            if size >= factor:
                return self._unit(size / factor, f"digital-{unit}")
        if size >= 1000:
            return self._unit(size / 1000, "digital-kilobyte")
        return self._unit(size, "digital-byte")

    def _unit(self, value: float, unit: str) -> str:
        return units.format_unit(value, unit, "short", format="#,##0.##", locale=self.locale)

    def duration(self, value: timedelta | int | float) -> str:
        """A stretch of time by its two largest units: `2 hours and 30 minutes`."""
        seconds = round(value.total_seconds() if isinstance(value, timedelta) else value)
        parts: list[str] = []
        for unit, length in _UNIT_SECONDS:
            count, seconds = divmod(seconds, length)
            if count or (unit == "second" and not parts):
                parts.append(units.format_unit(count, f"duration-{unit}", locale=self.locale))
            elif parts:
                break  # 1 day, not 1 day and 5 seconds
            if len(parts) == 2:
                break
        return lists.format_list(parts, locale=self.locale)

    def listing(self, items: Iterable[str]) -> str:
        """`a, b and c`."""
        return lists.format_list(list(items), locale=self.locale)


def _tzinfo(zone: Zone) -> tzinfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone


@cache
def offered() -> tuple[str, ...]:
    """Tags of the languages whose catalogue is complete, ordered by their own names."""
    return tuple(sorted(_catalogues(), key=lambda tag: messages_for(tag).own_name.casefold()))


@cache
def messages_for(tag: str) -> Messages:
    """The language with exactly this tag. Raises `KeyError` where it is not offered."""
    return Messages(tag, _catalogues()[tag])


@cache
def _catalogues() -> dict[str, gettext.NullTranslations]:
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
