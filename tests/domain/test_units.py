"""Amounts: read and written exactly, and nothing else is read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.units import (
    MOST,
    example_of,
    gpu,
    is_resource,
    is_spent,
    read_amount,
    read_cpu,
    read_duration,
    read_size,
    spent_each_second,
    write_amount,
    write_duration,
)

HELD = ["servers", "cpu", "memory", "storage", "gpu.a100"]
SPENT = ["server-time", "cpu-time", "memory-time", "gpu-time.a100"]
RESOURCES = HELD + SPENT


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1K", 1000),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2G", 2 * 10**9),
        ("2Gi", 2**31),
        ("1.5Gi", 3 * 2**29),
        ("0.1G", 10**8),
        ("3 MB", 3 * 10**6),
        ("7EiB", 7 * 2**60),
        (" 2G ", 2 * 10**9),
        (2000, 2000),
    ],
)
def test_sizes_are_read_exactly(text, size) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "-1G", "1e3", "1e+16", "G", "1Q", True, None, "512m", "2g", "2gi", "1KI", "1.0001K", "٢G",
     "1,5G", "16Ei", "9" * 5000],
)  # fmt: skip
def test_what_is_not_a_size_is_refused(text) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        read_size(text)


@pytest.mark.parametrize(
    ("text", "milli"),
    [("1", 1000), (0.5, 500), ("250m", 250), ("1.125", 1125), ("1500m", 1500), ("0.1", 100), (2, 2000)],
)  # fmt: skip
def test_processors_are_read_exactly(text, milli) -> None:
    assert read_cpu(text) == milli


@pytest.mark.parametrize("text", ["", "-1", "0.0001", "one", "1,5", True, "1.5m", "500M", "1 cpu"])
def test_what_is_not_processors_is_refused(text) -> None:
    with pytest.raises(ValueError, match="expected processors"):
        read_cpu(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT8H", 28_800),
        ("P1DT12H", 129_600),
        ("P2W", 1_209_600),
        ("PT1.5H", 5400),
        ("PT0S", 0),
        ("8h", 28_800),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30min", 5400),
        ("1.5 hours", 5400),
        ("2 days", 172_800),
        ("45s", 45),
        ("1 w", 604_800),
    ],
)
def test_durations_are_read_exactly(text, seconds) -> None:
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "8", 8, True, "P", "PT", "P1DT", "P1Y", "P1M", "1 month", "8:30", "-8h", "30m 1h", "0.1s",
     "1h30", "8 hrs ago", "PT8H PT8H", "9999999d"],
)  # fmt: skip
def test_what_is_not_a_duration_is_refused(text) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        read_duration(text)


@pytest.mark.parametrize(
    ("resource", "text", "amount"),
    [
        ("servers", "30", 30),
        ("gpu.a100", 2, 2),
        ("server-time", "100 server-hours", 360_000),
        ("cpu-time", "40 cpu-hours", 40 * 3_600_000),
        ("cpu-time", "1.5 cpu-seconds", 1500),
        ("cpu-time", "1 CPU-day", 86_400_000),
        ("memory-time", "500 GiB-hours", 500 * 2**20 * 3600),
        ("memory-time", "1 GB-hour", 3_515_625_000),
        ("gpu-time.a100", "8 gpu-hours", 28_800),
    ],
)
def test_amounts_are_read_by_what_they_are_amounts_of(resource, text, amount) -> None:
    assert read_amount(resource, text) == amount


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ("servers", "1.5"),
        ("servers", "2G"),
        ("gpu.a100", "-1"),
        ("cpu-time", "40"),
        ("cpu-time", "40 hours"),
        ("cpu-time", "40 gpu-hours"),
        ("cpu-time", "0.0001 cpu-seconds"),
        ("memory-time", "500 cpu-hours"),
        ("memory-time", "500 Gib-hours"),
        ("memory-time", "1 B-hour"),
        ("memory-time", "1 MB-second"),  # 976.5625 KiB-seconds
        ("memory-time", "100000 EiB-days"),
        ("gpu-time.a100", "8 a100-hours"),
        ("bananas", "1"),
        ("gpu", "1"),
        ("gpu.A 100", "1"),
    ],
)
def test_an_amount_of_something_else_is_refused_with_what_was_expected(resource, text) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_amount(resource, text)


@given(st.sampled_from(RESOURCES), st.integers(0, MOST))
def test_what_is_written_is_read_as_the_same_amount(resource, amount) -> None:
    text = write_amount(resource, amount)
    assert read_amount(resource, text) == amount, text


@given(st.sampled_from(SPENT), st.integers(0, 10_000))
def test_whole_hours_are_written_as_hours(resource, hours) -> None:
    amount = hours * read_amount(resource, example_of(resource))
    assert write_amount(resource, amount).endswith("-hours")


@given(st.integers(0, 36_500 * 86_400))
def test_durations_are_written_as_they_are_read(seconds) -> None:
    duration = timedelta(seconds=seconds)
    assert read_duration(write_duration(duration)) == duration


@given(st.text(max_size=20), st.sampled_from(RESOURCES))
def test_anything_typed_is_an_amount_or_a_value_error(text, resource) -> None:
    try:
        amount = read_amount(resource, text)
    except ValueError as error:
        assert str(error).startswith("expected ")  # noqa: PT017 - either is right
    else:
        assert type(amount) is int
        assert 0 <= amount <= MOST


@given(st.integers(1, 999), st.integers(0, 3), st.sampled_from("KMGTP"))
def test_a_decimal_is_the_same_as_the_whole_number_of_smaller_units(whole, digits, suffix) -> None:
    point = f"{whole}.{'5' * digits or '0'}{suffix}"
    assert read_size(point) == whole * read_size(f"1{suffix}") + int("5" * digits or "0") * (
        read_size(f"1{suffix}") // 10 ** (digits or 1)
    )


def test_every_resource_is_known_and_its_example_can_be_read() -> None:
    assert gpu("a100") == "gpu.a100"
    for resource in RESOURCES:
        assert is_resource(resource)
        assert is_spent(resource) == (resource in SPENT)
        assert read_amount(resource, example_of(resource)) > 0


def test_a_second_of_a_server_spends_whole_units_with_memory_rounded_up() -> None:
    held = {"servers": 1, "cpu": 500, "memory": 1025, "gpu.a100": 2, "storage": 5}
    assert spent_each_second(held) == {
        "server-time": 1,
        "cpu-time": 500,
        "memory-time": 2,
        "gpu-time.a100": 2,
    }


def test_a_century_of_two_tebibytes_fits_the_integer_of_a_database() -> None:
    held = {"memory": 2 * 2**40}
    assert spent_each_second(held)["memory-time"] * 36_525 * 86_400 < MOST
    assert held["memory"] * 365 * 86_400 * 5 > MOST, "in bytes not even five years would"
