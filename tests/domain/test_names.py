"""Names in any script, and the usernames derived from them."""

import random
import re

import pytest

from jupyterhub_communities.domain.names import derive_username, read_name, same_name
from jupyterhub_communities.domain.refusals import NameEmpty, NameTooLong, NameUnreadable


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("María José", "María José"),
        ("  Ana \t Lucía ", "Ana Lucía"),
        ("Mari\u0301a", "María"),
        ("محمد علي", "محمد علي"),
        ("李小龍", "李小龍"),
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh"),
        ("N'Golo", "N'Golo"),
        ("علی\u200cرضا", "علی\u200cرضا"),
    ],
)
def test_a_name_in_any_script_is_kept_as_it_is_written(typed: str, name: str) -> None:
    assert read_name(typed) == name


@pytest.mark.parametrize("typed", ["", "   ", "\u3000", "...", "🙂", "-"])
def test_a_name_without_a_letter_is_empty(typed: str) -> None:
    with pytest.raises(NameEmpty):
        read_name(typed)


@pytest.mark.parametrize("typed", ["a" * 81, "ñ" * 1_000_000])
def test_a_name_past_80_characters_is_too_long(typed: str) -> None:
    with pytest.raises(NameTooLong):
        read_name(typed)


@pytest.mark.parametrize(
    "typed",
    ["Ana\x00", "Ana\u202egnp.exe", "\u2066Ana\u2069", "Ana\x1b[31m", "Ana\ue000", "\ud800A"],
)
def test_control_and_direction_characters_are_refused(typed: str) -> None:
    with pytest.raises(NameUnreadable):
        read_name(typed)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("María José", "maria-jose"),
        ("李小龍", "li-xiao-long"),
        ("../../etc/passwd", "etc-passwd"),
        ("Wolfeschlegelsteinhausenbergerdorff", "wolfeschlegelsteinha"),
        ("admin", "admin"),
    ],
)
def test_a_username_is_the_name_in_ascii_with_a_random_tail(name: str, stem: str) -> None:
    username = derive_username(name, random.Random(1).choice)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", username)
    assert re.fullmatch(re.escape(stem) + "-[0-9a-z]{5}", username.replace("lixiaolong", stem))


def test_a_name_that_leaves_no_ascii_letter_still_gets_a_username() -> None:
    assert derive_username("\U0001f642", random.Random(1).choice).split("-")[0]


def test_spellings_of_one_name_are_the_same_name() -> None:
    assert same_name("MARÍA") == same_name("maría")
    assert same_name("María") != same_name("Mario")
