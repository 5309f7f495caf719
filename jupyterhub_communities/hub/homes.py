"""Home files of a user whom the Hub deletes: found, and deleted only where that is surely theirs."""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path
from typing import Any

_FEWEST_PARTS = 3  # `/home/luz`


def home_of(spawner: Any) -> Path | None:
    """The folder on this machine that a Spawner of local processes gives a user."""
    if folder := getattr(spawner, "home_dir", None):
        return Path(folder)
    try:
        return Path(pwd.getpwnam(spawner.user.name).pw_dir)
    except KeyError:
        return None


def is_surely_theirs(folder: Path, username: str) -> bool:
    """An existing folder, no link, named after the person somewhere in its path, and not one that
    this process itself lives in."""
    if not folder.is_absolute() or len(folder.parts) < _FEWEST_PARTS or ".." in folder.parts:
        return False
    if folder.is_symlink() or not folder.is_dir() or username not in folder.parts[2:]:
        return False
    real = folder.resolve()
    return not any(
        own.is_relative_to(real) for own in (Path.cwd().resolve(), Path.home().resolve())
    )


def delete_home(spawner: Any) -> bool:
    """Deletes the folder. False where there is none, or none that is surely the person's."""
    folder = home_of(spawner)
    if folder is None or not is_surely_theirs(folder, spawner.user.name):
        return False
    shutil.rmtree(folder)
    return True
