"""Countries: of a place, by two letters of ISO 3166-1; where nobody has said, by its time zone."""

from __future__ import annotations

from functools import cache

from babel.core import get_global

from .refusals import CountryUnknown
from .workshops import Site, Workshop

_NOWHERE = frozenset({"001", "ZZ"})  # CLDR's for zones of no country, such as UTC


def check_country(typed: str | None) -> str | None:
    """In capitals; None for an empty one. Raises `CountryUnknown`."""
    code = (typed or "").strip().upper()
    if code and code not in _countries():
        raise CountryUnknown(text=code[:20])
    return code or None


def country_of_zone(zone: str) -> str | None:
    """The country whose clocks show it, by CLDR."""
    name = get_global("zone_aliases").get(zone, zone)
    found: str | None = get_global("zone_territories").get(name)
    return None if found in _NOWHERE else found


def country_of_site(site: Site) -> str | None:
    return site.country or country_of_zone(site.zone)


def countries_of(workshop: Workshop) -> frozenset[str]:
    """Those of its sites; of its own zone where it has none."""
    found = {country_of_site(site) for site in workshop.sites}
    if not workshop.sites:
        found = {country_of_zone(workshop.zone)}
    return frozenset(code for code in found if code is not None)


@cache
def _countries() -> frozenset[str]:
    return frozenset(get_global("zone_territories").values()) - _NOWHERE
