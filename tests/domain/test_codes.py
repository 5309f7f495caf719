"""Codes and keys: what people type is read as what was meant, or noticed as mistyped."""

import secrets
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_communities.domain.codes import (
    ALPHABET,
    INVITE_CODE,
    RETURN_KEY,
    SecretFormat,
    check_letter,
    grouped,
)
from jupyterhub_communities.domain.refusals import CodeMistyped

FORMATS = [INVITE_CODE, RETURN_KEY]
bodies = st.text(alphabet=ALPHABET, min_size=11, max_size=11)


@pytest.mark.parametrize(("form", "shape"), [(INVITE_CODE, [4, 4, 4]), (RETURN_KEY, [4, 4, 4, 4])])
def test_a_drawn_secret_is_shown_in_groups_of_four_and_read_back(
    form: SecretFormat, shape: list[int]
) -> None:
    secret = form.draw(secrets.choice)
    shown = grouped(secret)
    assert [len(group) for group in shown.split("-")] == shape
    assert form.parse(shown) == secret


@pytest.mark.parametrize(
    "spelling",
    [
        str.lower,
        lambda code: f"  {code}\t",
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", "–"),
        lambda code: code.replace("-", "\u00a0"),
        lambda code: code.replace("1", "I").replace("0", "O"),
        lambda code: code.replace("1", "l").replace("0", "o"),
        lambda code: code.translate({ord("0") + n: chr(0x0660 + n) for n in range(10)}),
        lambda code: code.translate({ord("0") + n: chr(0xFF10 + n) for n in range(10)}),
        lambda code: code.translate({ord("0") + n: chr(0x0966 + n) for n in range(10)}),
        lambda code: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in code),
        lambda code: "\u202a" + code + "\u202c",
    ],
)
def test_however_a_code_is_spelled_it_is_read_as_what_was_meant(spelling) -> None:
    code = "0123456789A"
    code += check_letter(code)
    assert INVITE_CODE.parse(spelling(grouped(code))) == code


@given(bodies, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_every_single_wrong_symbol_is_noticed(body: str, place: int, wrong: str) -> None:
    code = body + check_letter(body)
    if code[place] != wrong:
        with pytest.raises(CodeMistyped):
            INVITE_CODE.parse(code[:place] + wrong + code[place + 1 :])


@given(bodies)
def test_every_swap_of_two_symbols_is_noticed(body: str) -> None:
    code = body + check_letter(body)
    for one, other in combinations(range(12), 2):
        if code[one] != code[other]:
            swapped = list(code)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            with pytest.raises(CodeMistyped):
                INVITE_CODE.parse("".join(swapped))


# Anything, and what is nearly a code: symbols of any script with all that may stand between them.
_DIGITS = "".join(chr(zero + n) for zero in (0x30, 0x660, 0x966, 0xFF10) for n in range(10))
nearly = st.text(alphabet=ALPHABET + ALPHABET.lower() + _DIGITS + "OIL-–− \u200f", max_size=24)
FUZZED = 5_000


def test_whatever_is_typed_is_read_or_refused_as_mistyped() -> None:
    tried = {"read": 0, "mistyped": 0}

    @settings(max_examples=FUZZED, database=None, deadline=None)
    @given(st.one_of(st.text(max_size=300), nearly, nearly.flatmap(_completed)))
    def parse(typed: str) -> None:
        for form in FORMATS:
            try:
                read = form.parse(typed)
            except form.mistyped:
                tried["mistyped"] += 1
                continue
            tried["read"] += 1
            assert len(read) == form.symbols + 1
            assert set(read) <= set(ALPHABET)
            assert form.parse(grouped(read)) == read, "what was read is read again"

    parse()
    print(f"\nfuzzed codes and keys: {tried}")
    assert sum(tried.values()) >= 2 * FUZZED
    assert tried["read"] > 100


def _completed(typed: str) -> st.SearchStrategy[str]:
    """As a code with its check letter, where it has enough symbols."""
    plain = [symbol for symbol in typed.upper() if symbol in ALPHABET]
    length = 15 if len(plain) >= 15 else 11
    body = "".join(plain[:length]).ljust(length, "7")
    return st.just(grouped(body + check_letter(body)))


@pytest.mark.parametrize("typed", ["", "-", "A" * 12 + "B", "U" * 12, "0" * 100_000, "\x00" * 12])
def test_what_cannot_be_a_code_is_mistyped(typed: str) -> None:
    with pytest.raises(CodeMistyped):
        INVITE_CODE.parse(typed)


def test_a_code_has_55_bits_and_a_key_75() -> None:
    assert INVITE_CODE.symbols * 5 == 55
    assert RETURN_KEY.symbols * 5 == 75
