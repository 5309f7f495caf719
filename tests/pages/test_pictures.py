"""Pictures of what was held and spent."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import fromstring

import pytest

from jupyterhub_communities.application.histories import HeldHistory, SpentHistory
from jupyterhub_communities.application.usage import Period
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.pages.pictures import draw_held, draw_spent
from jupyterhub_communities.pages.templates import static_dir

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PERIOD = Period(NOON - 24 * HOUR, NOON)
GIB = 2**30


def steps(*amounts: int):
    return [(PERIOD.start + number * 6 * HOUR, amount) for number, amount in enumerate(amounts)]


def held(resource="memory", unit=GIB, **more) -> HeldHistory:
    used = steps(0, 12 * unit, 12 * unit, 3 * unit)
    limits = more.pop("limits", [(PERIOD.start, 30 * unit)])
    return HeldHistory(resource, PERIOD, 30 * unit, used, limits=limits, **more)


def texts(picture: bytes) -> list[str]:
    return [each.text or "" for each in fromstring(picture).iter() if each.tag.endswith("}text")]


def drawn(history=None, tag="es", *, is_narrow=False) -> bytes:
    return draw_held(
        history or held(), messages_for(tag), "America/Lima", NOON, is_narrow=is_narrow
    )


def test_a_limit_that_loans_have_moved_is_drawn_in_steps_and_says_so() -> None:
    limits = [(PERIOD.start, 30 * GIB), (NOON - 12 * HOUR, 24 * GIB), (NOON - 6 * HOUR, 30 * GIB)]
    moved = drawn(held(limits=limits), "en")
    assert "Limit, as it is now, with loans" in texts(moved)
    lines = [e.get("d") for e in fromstring(moved).iter() if "line reactive" in e.get("class", "")]
    assert len(set(re.findall(r"[\d.]+ ([\d.]+)(?= |$)", lines[-1]))) == 2
    assert "Limit, as it is now" in texts(drawn(held(), "en"))


def test_what_is_held_is_drawn_below_its_limit_with_a_name_for_each_line() -> None:
    all_lines = held(reserved=steps(0, GIB), borrowed=steps(0, GIB), lent=steps(GIB, 0))
    found = texts(drawn(all_lines))
    for said in ("Memoria", "En uso", "Reservado", "Prestado de otras", "Prestado a otras"):
        assert said in found
    assert "Límite actual" in found
    assert [t.replace("\u00a0", " ") for t in found if "GiB" in t] == [
        f"{n} GiB" for n in (8, 16, 24, 32)
    ]
    assert "2 mar" in found
    few = texts(drawn(held()))
    assert "Reservado" not in few
    paths = [
        e.get("d") for e in fromstring(drawn()).iter() if "line reactive" in e.get("class", "")
    ]
    assert len(paths) == 2
    heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)(?= |$)", paths[0])]
    assert len(set(heights)) == 3, "three amounts, in stairs"


@pytest.mark.parametrize("tag", offered())
@pytest.mark.parametrize("is_narrow", [True, False])
@pytest.mark.parametrize(
    ("resource", "unit"),
    [("servers", 1), ("cpu", 1000), ("memory", GIB), ("storage", 10**9), ("gpu.a100", 1)],
)
def test_every_resource_is_drawn_in_every_language(tag, is_narrow, resource, unit) -> None:
    for history in (held(resource, unit), HeldHistory(resource, PERIOD, None, [])):
        picture = drawn(history, tag, is_narrow=is_narrow)
        assert 2_000 < len(picture) < 20_000
        assert b"script" not in picture
        width = 360 if is_narrow else 880
        assert fromstring(picture).get("viewBox").startswith(f"0 0 {width} ")


@pytest.mark.parametrize(
    ("resource", "unit"),
    [("server-time", 3600), ("cpu-time", 3_600_000), ("memory-time", 2**20 * 3600)],
)
@pytest.mark.parametrize("by", ["hour", "day", "month"])
def test_what_was_spent_is_drawn_in_hours(resource, unit, by) -> None:
    history = SpentHistory(resource, PERIOD, by, steps(0, 20 * unit, 40 * unit))
    found = texts(draw_spent(history, messages_for("en"), "UTC", is_narrow=False))
    assert [text for text in found if text.isdigit()] == ["0", "10", "20", "30", "40"]
    assert f"By {by}" in found


def test_arabic_stands_in_its_own_direction() -> None:
    assert all(re.fullmatch("\u2067.*\u2069", text) for text in texts(drawn(tag="ar")))


def test_pictures_have_the_colours_of_our_pages_in_the_light_and_in_the_dark() -> None:
    style = (static_dir() / "communities.css").read_text()
    light, dark = (set(re.findall(r"--(\w+): ?(#\w+)", part)) for part in style.split("@media")[:2])
    picture = drawn().decode()
    first, second = picture.split("@media (prefers-color-scheme:dark)")
    for drawn_with, page in ((first, light), (second, dark)):
        colours = set(re.findall(r"--(\w+):(#\w+)", drawn_with))
        for name in ("paper", "ink", "quiet", "line"):
            assert {pair for pair in colours if pair[0] == name} <= page
            assert any(pair[0] == name for pair in colours)


@pytest.mark.parametrize("scheme", [0, 1])
def test_every_line_can_be_told_from_the_paper(scheme) -> None:
    """3:1, as WCAG 2.2 asks of what has to be seen."""

    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(p * weight for p, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    part = drawn().decode().split("@media (prefers-color-scheme:dark)")[scheme]
    colours = dict(re.findall(r"--(\w+):(#\w+)", part))
    for name in ("used", "limit", "reserved", "borrowed", "lent"):
        dim, bright = sorted((light(colours[name]), light(colours["paper"])))
        assert (bright + 0.05) / (dim + 0.05) >= 3, name


def test_pygal_leaves_the_imports_of_the_process_alone() -> None:
    assert not [each for each in sys.meta_path if type(each).__module__.startswith("pygal")]
