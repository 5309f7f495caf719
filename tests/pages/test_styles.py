"""Our styles know where a line begins and ends, not left and right: Arabic mirrors them by itself."""

import re

import pytest

from jupyterhub_communities.pages.templates import share_dir, static_dir

STYLES = sorted(static_dir().glob("*.css"))
TEMPLATES = sorted((share_dir() / "templates").rglob("*.html"))
_SIDE = re.compile(r"(^|-)(left|right)(-|$)")
_FOUR = {"margin", "padding", "inset", "border-width", "border-style", "border-color"}
_CORNERS = {"border-radius"}


def one_sided(css: str) -> list[str]:
    """The declarations that mean another side of the page where it is mirrored."""
    found = []
    for name, value in re.findall(r"([\w-]+)\s*:\s*([^;{}]+)", re.sub(r"/\*.*?\*/", "", css)):
        parts = re.findall(r"[^\s(]+(?:\([^)]*\))?", value.replace("!important", ""))
        is_one_sided = (
            _SIDE.search(name)
            or (name in ("float", "clear", "text-align") and _SIDE.search(value.strip()))
            or (name in _FOUR and len(parts) == 4 and parts[1] != parts[3])
            or (name in _CORNERS and len(set(parts)) > 1)
        )
        if is_one_sided:
            found.append(f"{name}: {value}")
    return found


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_has_no_left_and_right(path):
    assert one_sided(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "css",
    [
        "a { margin-left: 1rem }",
        "a { left: 0 }",
        "a { border-right-color: red; }",
        "a { padding: 0 1rem 0 0; }",
        "a { text-align: right; }",
        "a { float: left }",
        "a { border-radius: 3px 0 0 3px }",
    ],
)
def test_left_and_right_are_noticed(css):
    assert one_sided(css)


def test_what_has_no_side_is_left_alone():
    assert not one_sided("a { padding: 0 1rem; margin: 1rem 0 2rem; text-align: start; inset: 0 }")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_asks_for_no_side_of_bootstraps(path):
    asked = " ".join(re.findall(r'class="([^"]*)"', path.read_text(encoding="utf-8")))
    assert not re.findall(r"\b(?:text|float|rounded|border)-(?:left|right)\b|\b[mp][lr]-\d", asked)
