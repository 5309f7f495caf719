"""Invite codes and return keys: secrets that people type.

Both are written in Crockford's base 32 (no I, L, O, U) and end with a check letter from the same
alphabet. The letter is a weighted sum over the field GF(32) with a different weight for each place,
so every single wrong symbol and every swap of two symbols is noticed before a table is touched.

Reading is forgiving: case, spaces and hyphens do not count, O reads as 0, I and L as 1, and the
digits of any script are the digits they are.

Source: D. Crockford, "Base 32", https://www.crockford.com/base32.html
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .refusals import CodeMistyped, KeyMistyped, Refusal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}
_LOOKALIKES = str.maketrans("OIL", "011")
_MORE_DASHES = "\u2212\u2043\u02d7\u0640"  # minus, bullet, modifier and Arabic tatweel
_LONGEST_TYPED = 100  # characters; far beyond any code with blanks and hyphens

Choice = Callable[[Sequence[str]], str]


def _times(a: int, b: int) -> int:
    """The product of two symbols' values in GF(32), modulo x^5 + x^2 + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0b100000:
            a ^= 0b100101
        b >>= 1
    return product


def check_letter(symbols: str) -> str:
    """The letter that ends a secret made of these symbols (at most 31)."""
    total = 0
    # Weights start at 2: with 1, a swap of the last symbol and the check letter would pass.
    for weight, symbol in enumerate(symbols, start=2):
        total ^= _times(weight, _VALUE[symbol])
    return ALPHABET[total]


@dataclass(frozen=True, slots=True)
class SecretFormat:
    """How one kind of typed secret looks: so many symbols, then the check letter."""

    symbols: int  # 5 bits each
    mistyped: type[Refusal]

    def draw(self, choice: Choice) -> str:
        """A new secret, without hyphens. `choice` must be `secrets.choice` outside tests."""
        symbols = "".join(choice(ALPHABET) for _ in range(self.symbols))
        return symbols + check_letter(symbols)

    def parse(self, typed: str) -> str:
        """What was meant, without hyphens. Raises the format's `mistyped`."""
        if len(typed) > _LONGEST_TYPED:
            raise self.mistyped
        text = "".join(_plain(character) for character in unicodedata.normalize("NFKC", typed))
        text = text.upper().translate(_LOOKALIKES)
        if len(text) != self.symbols + 1 or any(symbol not in _VALUE for symbol in text):
            raise self.mistyped
        if check_letter(text[:-1]) != text[-1]:
            raise self.mistyped
        return text


def _plain(character: str) -> str:
    """One typed character without its script: digits become ASCII, blanks and dashes nothing."""
    if character.isspace() or unicodedata.category(character) in ("Pd", "Cf"):
        return ""
    if character in _MORE_DASHES:
        return ""
    digit = unicodedata.digit(character, None)
    return character if digit is None else str(digit)


def grouped(secret: str) -> str:
    """A secret as people see it: groups of four with hyphens."""
    return "-".join(secret[start : start + 4] for start in range(0, len(secret), 4))


INVITE_CODE = SecretFormat(symbols=11, mistyped=CodeMistyped)
RETURN_KEY = SecretFormat(symbols=15, mistyped=KeyMistyped)
