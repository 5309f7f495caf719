"""What people are told of a quota: whole sentences, each limit, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_communities.domain.quotas import Claim, Scope, Verdict
from jupyterhub_communities.domain.refusals import QuotaExceeded, Violation
from jupyterhub_communities.domain.windows import (
    CalendarMonth,
    Rolling,
    WholeGrant,
    WorkshopSessions,
)
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.pages.quotas import (
    UNITS,
    amount_in_words,
    quantity_in_words,
    resource_in_words,
    spent_in_words,
    violation_in_a_table,
    violation_in_words,
    wait_in_words,
    window_in_words,
)
from jupyterhub_communities.pages.refusals import sentence_of

NINE = datetime(2026, 3, 2, 14, tzinfo=UTC)
ENGLISH = messages_for("en")
MEMORY = Violation("community", "Andes", "memory", limit=2**33, held=2**32, wanted=2**33)
FULL = Violation("workshop", "Maps", "servers", limit=30, held=30, wanted=1)


def told(*violations: Violation, **more) -> str:
    return sentence_of(QuotaExceeded(violations, **more), ENGLISH)


@pytest.mark.parametrize(
    ("resource", "amount", "text"),
    [
        ("servers", 1, "1 server"),
        ("cpu", 1500, "1.5 processors"),
        ("memory", 2**31, "2 GiB of memory"),
        ("storage", 10**11, "100 GB of storage"),
        ("gpu.a100", 2, "2 GPUs (a100)"),
    ],
)
def test_amounts_are_put_into_words(resource, amount, text) -> None:
    assert amount_in_words(resource, amount, ENGLISH) == text


@pytest.mark.parametrize(
    ("resource", "left", "wanted", "text"),
    [
        ("cpu", 500, 1000, "Processors left for Andes: 0.5; needed: 1."),
        ("storage", 10**9, 2 * 10**9, "Storage left for Andes: 1 GB; needed: 2 GB."),
        ("gpu.a100", 1, 2, "GPUs (a100) left for Andes: 1; needed: 2."),
        ("server-time", 3599, 3600, "Server hours left for Andes: 0.99; needed: 1."),
        ("cpu-time", 0, 900_000, "Processor hours left for Andes: 0; needed: 0.25."),
        ("memory-time", 2**20, 3600 * 2**20, "GiB-hours of memory left for Andes: 0; needed: 1."),
        ("gpu-time.a100", 0, 1, "GPU hours (a100) left for Andes: 0; needed: 0.01."),
    ],
)
def test_each_resource_says_what_is_left_and_what_is_needed(resource, left, wanted, text) -> None:
    assert told(Violation("community", "Andes", resource, left, 0, wanted)).startswith(text)


def test_every_violated_limit_is_told_and_what_to_do() -> None:
    assert told(FULL, MEMORY) == (
        "The workshop Maps may run 30 servers at a time, and all are running. "
        "Memory left for Andes: 4 GiB; needed: 8 GiB. "
        "Try again when somebody has stopped a server."
    )


def test_what_is_known_to_end_is_told_in_the_zone_of_the_reader_with_what_would_start() -> None:
    text = told(MEMORY, earliest=NINE, zone="America/Lima", largest={"en": "Small"})
    assert "Try again on March 2, 2026" in text
    assert "9:00" in text
    assert text.endswith("The profile Small would start now.")


def test_nobody_is_told_a_minute_too_early() -> None:
    text = told(MEMORY, earliest=NINE + timedelta(seconds=1), zone="America/Lima")
    assert "9:01" in text


def test_who_wants_more_than_a_limit_is_not_told_to_wait() -> None:
    text = told(MEMORY, never=True)
    assert "never fits" in text
    assert "Try again" not in text


def test_what_is_spent_for_good_is_said() -> None:
    """Also where something is left that is too little for a start."""
    spent = Claim(Scope("andes"), "server-time", 7200, 6900, 900, least=900, is_for_good=True)
    assert told(spent.violation("Andes")) == (
        "Server hours left for Andes: 0.08; needed: 0.25. It does not come back by itself: the limit "
        "has to be raised. Please ask a champion of your community."
    )
    assert wait_in_words(Verdict((spent,)), "UTC", ENGLISH) == (
        "There is not enough for it: the limit has to be raised."
    )


@pytest.mark.parametrize(
    ("scope", "where"),
    [
        (Scope(), "on this hub"),
        (Scope("andes"), "in the community X"),
        (Scope("andes", "maps"), "in the workshop X"),
        (Scope("andes", member="rosa"), "here"),
    ],
)
def test_where_nobody_may_start_no_servers_are_said_to_be_running(scope, where) -> None:
    none = Claim(scope, "servers", limit=0, used=0, asked=1, least=1)
    assert told(none.violation("X"), never=True) == (
        f"Nobody may start a server {where} at present. Please ask a champion of your community."
    )
    said = wait_in_words(Verdict((none,)), "UTC", ENGLISH)
    assert said == "Nobody may start a server here at present."
    until = replace(none, least=0).violation("X")  # all of it is on loan until then
    assert "Try again on March 2" in told(until, earliest=NINE)


ROSA = Scope("andes", "maps", member="rosa")
FULL_PLACE = Claim(Scope("andes"), "servers", limit=3, used=3, asked=1, least=1)
OWN = Claim(ROSA, "servers", limit=1, used=1, asked=1, least=1)
SPENT = Claim(ROSA, "server-time", limit=7200, used=7200, asked=900, least=900)
MANY_SPEND = Claim(Scope("andes"), "server-time", limit=7200, used=6000, asked=1800, least=900)
RESERVED = Claim(
    Scope("andes"), "servers", limit=3, used=0, asked=1, closed=3, least=1, is_kept=True
)
DRAWN = Claim(Scope(cohort="south"), "servers", limit=3, used=3, asked=1, least=0)


@pytest.mark.parametrize(
    ("claims", "who"),
    [
        ([FULL_PLACE], "somebody"),
        ([DRAWN], "somebody"),
        ([MANY_SPEND], "somebody"),
        ([OWN], "you"),
        ([FULL_PLACE, OWN], "you"),
        ([SPENT], ""),
        ([RESERVED], ""),
        ([FULL_PLACE, SPENT], ""),
    ],
)
def test_only_a_stop_that_makes_room_is_waited_for(claims, who) -> None:
    text = told(*(claim.violation("X") for claim in claims), earliest=NINE)
    wait = wait_in_words(Verdict(tuple(claims), NINE), "UTC", ENGLISH)
    for said in (text, wait):
        assert ("when somebody has stopped" in said) == (who == "somebody")
        assert ("when you have stopped one of your servers" in said) == (who == "you")
        assert "March 2, 2026" in said
    if who:
        text = told(*(claim.violation("X") for claim in claims))
        wait = wait_in_words(Verdict(tuple(claims)), "UTC", ENGLISH)
        for said in (text, wait):
            assert ("you have stopped" in said) == (who == "you")


def test_reserved_servers_are_not_said_to_be_running() -> None:
    text = told(replace(FULL, held=10, reserved=20))
    assert text.startswith("Servers left for Maps: 0; needed: 1.")
    assert "Part of it is reserved for a workshop." in text


@pytest.mark.parametrize("tag", offered())
@pytest.mark.parametrize("scope", ["hub", "cohort", "community", "workshop", "member"])
def test_every_scope_and_resource_has_a_sentence_in_every_language(scope, tag) -> None:
    messages = messages_for(tag)
    resources = ["servers", "cpu", "memory", "storage", "gpu.t4"]
    resources += ["server-time", "cpu-time", "memory-time", "gpu-time.t4"]
    for resource in resources:
        text = sentence_of(QuotaExceeded((Violation(scope, "X", resource, 9, 9, 1),)), messages)
        assert text.endswith(".")
        assert "%" not in text


@pytest.mark.parametrize("tag", offered())
def test_every_resource_and_window_has_a_name_in_every_language(tag) -> None:
    messages, english = messages_for(tag), messages_for("en")
    for resource in ("servers", "cpu", "memory", "storage", "server-time", "cpu-time"):
        name = resource_in_words(resource, messages)
        assert name != resource
        assert tag == "en" or name != resource_in_words(resource, english)
    for resource in ("gpu.a100", "gpu-time.a100"):
        assert "a100" in resource_in_words(resource, messages)
    session = WorkshopSessions(NINE, NINE + timedelta(hours=2))
    for window in (Rolling(1), Rolling(30), CalendarMonth("UTC"), WholeGrant(NINE), session):
        said = window_in_words(window, "UTC", messages)
        assert "%" not in said
        assert tag == "en" or said != window_in_words(window, "UTC", english)


@pytest.mark.parametrize(
    ("resource", "amount", "text"),
    [
        ("servers", 30, "30"),
        ("cpu", 1500, "1,5"),
        ("memory", 64 * 2**30, "64 GiB"),
        ("storage", 1_500_000_000, "1,5 GB"),
        ("server-time", 3600 * 1234 + 1799, "1.234,49"),
        ("memory-time", 2**20 * 3600 * 5000, "5.000"),
    ],
)
def test_quantities_stand_without_their_resource(resource, amount, text) -> None:
    said = quantity_in_words(resource, amount, messages_for("es"))
    assert said.replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("resource", "limit", "held", "wanted", "text"),
    [
        ("servers", 1, 1, 1, "Each person may run one server at a time here."),
        ("servers", 3, 3, 1, "Each person may run 3 servers at a time here."),
        (
            "memory",
            2**31,
            2**30,
            2**31,
            "Each person may use 2 GiB of memory here at a time; in use: 1 GiB of memory; "
            "needed: 2 GiB of memory.",
        ),
        (
            "server-time",
            7200,
            7000,
            901,
            "Each person may spend 2 server hours here; spent: 1.94 server hours; needed for a "
            "start: 0.26 server hours.",
        ),
    ],
)
def test_in_a_table_nobody_is_spoken_to(resource, limit, held, wanted, text) -> None:
    own = Violation("member", "Rosa", resource, limit=limit, held=held, wanted=wanted)
    assert violation_in_a_table(own, ENGLISH) == text
    for tag in offered():
        messages = messages_for(tag)
        there, to_the_person = (
            violation_in_a_table(own, messages),
            violation_in_words(own, messages),
        )
        assert there != to_the_person
        assert tag == "en" or there != text
    assert violation_in_a_table(FULL, ENGLISH) == violation_in_words(FULL, ENGLISH)


@pytest.mark.parametrize(
    ("left", "wanted", "shown"),
    [
        (2**31 - 1024, 2**31, ("2.14 GB", "2.15 GB")),  # in the same units
        (99_996_672, 99_999_744, ("99.99 MB", "100 MB")),
        (10**9, 1_001_000_000, ("1 GB", "1.01 GB")),
        (2**29, 2**30, ("512 MiB", "1 GiB")),
    ],
)
def test_what_is_left_never_looks_like_enough(left, wanted, shown) -> None:
    there = Violation("community", "Andes", "memory", limit=left, held=0, wanted=wanted)
    assert violation_in_words(there, messages_for("en")) == (
        "Memory left for Andes: {}; needed: {}.".format(*shown)
    )
    own = violation_in_words(replace(there, scope="member"), messages_for("en"))
    assert own == (
        "You may use {} of memory here at a time, and use 0 bytes of memory; this server needs {} "
        "of memory.".format(*shown)
    )


@pytest.mark.parametrize("tag", offered())
def test_hours_are_told_also_where_a_language_has_a_plural_for_millions(tag) -> None:
    for hours in (10**6, 2 * 10**6, 10**9):
        for resource in ("server-time", "cpu-time", "memory-time"):
            text = spent_in_words(resource, hours * UNITS[resource], messages_for(tag))
            assert messages_for(tag).number(hours) in text
    assert amount_in_words("cpu", 10**9, messages_for(tag))
