"""The Hub's templates are those that ours were last compared with. On each Hub that is supported."""

from __future__ import annotations

import shutil

import pytest
from copied_templates import (
    INSTALLED,
    THEIRS,
    WHOLE,
    advice,
    blocks_of,
    changes,
    digests_of,
    last_seen,
    read_record,
)


def test_what_our_templates_replace_is_as_it_was_when_we_last_looked() -> None:
    record = read_record()
    seen = last_seen(INSTALLED, record)
    found = changes(digests_of(THEIRS), record[seen])
    assert not found, advice(found, INSTALLED, seen)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("page.html", '<html lang="en">', '<html lang="fr">', [f"has changed what … ({WHOLE})"]),
        ("home.html", "Named Servers", "Other Servers", ["has changed what … (main)"]),
        ("home.html", 'require(["home"])', "begin()", ["has changed what … (script)"]),
        ("not_running.html", "Server not running", "Asleep", ["has changed what … (heading)"]),
        ("error.html", "block h1_error", "block h1", ["no longer has what … (h1_error)"]),
        # Seen through ours: what ours does not replace, and pages that are the Hub's alone.
        ("spawn.html", "// setup onSubmit feedback", "// feedback", []),
        ("not_running.html", 'class="row"', 'class="line"', []),
        ("accept-share.html", "Accept", "Take", []),
        ("home.html", "\n", "\n  \n", []),  # a formatter's work
    ],
)
def test_a_change_is_told_where_ours_would_hide_it(tmp_path, name, old, new, told) -> None:
    theirs = shutil.copytree(THEIRS, tmp_path / "templates")
    source = (theirs / name).read_text()
    assert old in source
    (theirs / name).write_text(source.replace(old, new))
    found = changes(digests_of(theirs), digests_of(THEIRS))
    assert found == [f"{name}: JupyterHub {text.replace('…', 'ours replaces')}." for text in told]


def test_a_new_page_and_one_that_is_gone_are_told_too_with_what_to_do(tmp_path) -> None:
    theirs = shutil.copytree(THEIRS, tmp_path / "templates")
    (theirs / "spawn.html").rename(theirs / "start.html")
    found = changes(digests_of(theirs), digests_of(THEIRS))
    assert found == [
        "start.html: JupyterHub has a new page; see whether learners meet it, and in which language.",
        "spawn.html: JupyterHub no longer has what ours replaces (main).",
    ]
    said = advice(found, "9.0", "6.1")
    assert "JupyterHub 9.0" in said
    assert "carry over what our readers need" in said


def test_a_version_is_compared_with_the_newest_that_was_seen_before_it() -> None:
    for version, seen in {"5.5": "5.5", "5.10": "5.5", "6.1": "6.1", "7.0": "6.1"}.items():
        assert last_seen(version, ["6.1", "5.5"]) == seen


def test_a_block_is_read_with_what_stands_in_it() -> None:
    source = "a{% block b %}c{%- block d scoped -%}e{% endblock d %}f{% endblock %}"
    assert blocks_of(source) == {
        WHOLE: source,
        "b": "c{%- block d scoped -%}e{% endblock d %}f",
        "d": "e",
    }
