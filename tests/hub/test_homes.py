"""Home folders are deleted only where they are surely the person's."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from jupyterhub_communities.hub.homes import delete_home, is_surely_theirs


def spawner(folder, name="luz-1"):
    return SimpleNamespace(home_dir=str(folder), user=SimpleNamespace(name=name))


def test_a_folder_named_after_the_person_is_deleted_with_all_in_it(tmp_path) -> None:
    home = tmp_path / "luz-1"
    (home / "deep" / "er").mkdir(parents=True)
    outside = tmp_path / "others.txt"
    outside.write_text("not hers")
    (home / "link").symlink_to(outside)
    assert delete_home(spawner(home))
    assert not home.exists()
    assert outside.read_text() == "not hers"
    assert not delete_home(spawner(home)), "it is gone already"


@pytest.mark.parametrize("template", ["{}", "{}/work"])
def test_the_name_may_stand_anywhere_in_the_path(tmp_path, template) -> None:
    home = tmp_path / template.format("luz-1")
    home.mkdir(parents=True)
    assert is_surely_theirs(home, "luz-1")


def test_what_is_not_surely_theirs_stays(tmp_path, monkeypatch) -> None:
    from pathlib import Path

    (tmp_path / "shared").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "luz-1").symlink_to(tmp_path / "target")
    (tmp_path / "file").write_text("")
    own = tmp_path / "sol" / "hub"
    own.mkdir(parents=True)
    monkeypatch.chdir(own)
    for folder, name in [
        (tmp_path / "shared", "luz-1"),
        (tmp_path / "luz-1", "luz-1"),  # a link
        (tmp_path / "file", "file"),
        (tmp_path / "missing", "missing"),
        (tmp_path / "x" / ".." / "shared", "shared"),
        (tmp_path / "sol", "sol"),  # the hub itself runs there
        (Path("/"), ""),
        (Path("/tmp"), "tmp"),
        (Path(os.path.relpath(tmp_path / "shared")), "shared"),
        (Path.home(), Path.home().name),
    ]:
        assert not is_surely_theirs(folder, name), folder


def test_nobody_without_an_account_of_the_system_has_a_home_there() -> None:
    nobody = SimpleNamespace(user=SimpleNamespace(name="surely-nobody-here"))
    assert not delete_home(nobody)
