"""How many forms a language has for a number of things, and which number takes which."""

from __future__ import annotations

import gettext

from babel import Locale, UnknownLocaleError
from babel.plural import PluralRule, to_gettext

from .catalogues import our_tags, po_path, read_catalogue
from .negotiation import closest

_CATEGORIES = ("zero", "one", "two", "few", "many", "other")  # in CLDR's order
_NUMBERS = range(1000)  # above, no page needs another form


def plural_forms(tag: str) -> str:
    """The header of that name: a form for each of CLDR's categories that whole numbers below 1000
    have. A catalogue over one of ours counts as ours does."""
    ours = closest(tag, our_tags())
    if ours is not None:
        return read_catalogue(po_path(ours)).plural_forms
    try:
        rule = Locale.parse(tag, sep="-").plural_form
    except UnknownLocaleError:
        rule = PluralRule({"one": "n = 1"})  # CLDR does not know: as most languages do
    found = {rule(number) for number in _NUMBERS}
    *named, _ = [category for category in _CATEGORIES if category in found]
    return to_gettext(PluralRule({category: rule.rules[category] for category in named}))


def check_plurals(rule: str, forms: int) -> None:
    """Raises `ValueError` where gettext cannot read a rule, or is led to a form there is not."""
    try:
        highest = max(map(gettext.c2py(rule), _NUMBERS))
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"the rule of plurals cannot be read: {error}") from error
    if highest >= forms:
        raise ValueError(f"the rule of plurals leads to form {highest} of {forms}")
