"""What is wrong with this hub, each in one sentence with what to do: `jupyterhub-communities doctor`.

Every rule that is told here is somebody else's: what `check`, `apply`, `configure`, the page *This hub* and
the Hub know already is asked of them. What only shows in `jupyterhub_config.py` and in a running hub
stands in `doctor_hub`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from .app import build_database, build_house, no_database, read_languages
from .application.codes import key_opens_codes
from .application.communities import apply_declarations
from .application.house import House
from .application.operating import Timer, view_hub
from .config import CommunitiesFile, ConfigError, load_config
from .domain.grants import Actor
from .domain.refusals import StorageUnreachable
from .storage.database import SqlDatabase
from .storage.keyring import KeyFileError
from .storage.unfit import DatabaseUnfit

MOUNTS = Path("/proc/mounts")
# Locks of files do not hold there, or not always: https://www.sqlite.org/faq.html#q5
NETWORK = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "beegfs"]
)
LEAST_FREE = 1_000_000_000  # bytes
LEAST_SHARE = 0.03  # of the disk
CLOCKS_APART = timedelta(seconds=5)
_WORK = {"metering": "metering usage", "ends": "carrying out ends", "audit": "chaining the audit"}


class Level(StrEnum):
    MEND = "mend"  # something does not work, or will not for long
    KNOW = "know"  # it works, and the operator should know of it
    UNSEEN = "unseen"  # it could not be looked at


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    level: Level
    says: str  # a sentence
    do: str = ""  # what mends it, where the sentence does not say


def look_at_house(path: Path) -> Iterator[Finding]:
    """The file, the key and the database."""
    try:
        config = load_config(path)
    except ConfigError as error:
        yield Finding("file", Level.MEND, str(error))
        return
    languages = read_languages(path)
    for mistake in languages.mistakes:
        yield Finding("languages", Level.MEND, mistake)
    for note in languages.notes:
        yield Finding("languages", Level.KNOW, note)
    folder = path.resolve().parent
    try:
        database = build_database(config, folder)
    except ConfigError as error:
        yield Finding("file", Level.MEND, str(error))
        return
    with closing(database):
        yield from _look_at_file(database)
        try:
            yield from _look_at_database(database)
        except StorageUnreachable as error:
            yield Finding("database", Level.MEND, no_database(error))
            return
        except DatabaseUnfit as error:
            yield Finding("database", Level.MEND, str(error))
            return
    yield from _look_inside(config, folder)


def _look_at_file(database: SqlDatabase) -> Iterator[Finding]:
    file = database.file
    if file is None or not file.exists():
        return
    kind = file_system_of(file)
    if kind in NETWORK or kind.startswith("fuse.sshfs"):
        yield Finding(
            "network",
            Level.MEND,
            f"The database {file} lies on a network file system ({kind}), where SQLite can lose data.",
            "Put it on a disk of this machine, or use PostgreSQL: jupyterhub-communities move-db",
        )
    disk = shutil.disk_usage(file.parent)
    if disk.free < min(LEAST_FREE, LEAST_SHARE * disk.total):
        yield Finding(
            "disk",
            Level.MEND,
            f"Only {disk.free // 1_000_000} MB are free where the database {file} lies.",
            "Make room there: when it is full, nobody can join or start a server.",
        )


def _look_at_database(database: SqlDatabase) -> Iterator[Finding]:
    database.check_schema()
    if not database.has_log():
        yield Finding(
            "log",
            Level.MEND,
            "The database cannot keep its log (WAL) beside itself: whoever writes keeps all waiting.",
            "Put it on another disk, in a folder that the hub may write.",
        )


def _look_inside(config: CommunitiesFile, folder: Path) -> Iterator[Finding]:
    try:
        house = build_house(config, folder)
    except KeyFileError as error:
        yield Finding("key", Level.MEND, str(error))
        return
    try:
        if not house.call(key_opens_codes):
            yield Finding(
                "key",
                Level.MEND,
                "The key does not belong to this database: codes and return keys open nothing.",
                "Restore key and database from the same backup.",
            )
        yield from _look_at_declarations(config, house)
        yield from _look_at_clocks(house)
    finally:
        house.close()


def _look_at_declarations(config: CommunitiesFile, house: House) -> Iterator[Finding]:
    declared = config.declarations()
    changes = house.call(apply_declarations, declared, config.hub_quota(), dry_run=True)
    if changes:
        subjects = ", ".join(dict.fromkeys(change.subject for change in changes))
        yield Finding(
            "apply",
            Level.MEND,
            f"The file says something else than the database: {subjects}.",
            "Run: jupyterhub-communities apply",
        )


def _look_at_clocks(house: House) -> Iterator[Finding]:
    view = house.call(view_hub, Actor(account_id=None, is_operator=True))
    if late := [timer for timer in view.timers if timer.is_late]:
        yield Finding(
            "timers",
            Level.MEND,
            f"The service is late with {_works(late)}.",
            "Is the hub running, and its service? Its log says what fails.",
        )
    assert isinstance(house.database, SqlDatabase)
    theirs = house.database.clock()
    if theirs is not None and abs(theirs - house.clock.now()) > CLOCKS_APART:
        yield clocks_apart("the database's server", theirs - house.clock.now())


def _works(timers: list[Timer]) -> str:
    return ", ".join(
        _WORK[timer.name]
        + (
            ""
            if timer.done_until is None
            else f" (done until {timer.done_until:%Y-%m-%d %H:%M} UTC)"
        )
        for timer in timers
    )


def clocks_apart(whose: str, apart: timedelta) -> Finding:
    seconds = round(abs(apart.total_seconds()))
    return Finding(
        "clock",
        Level.MEND,
        f"The clocks of this machine and of {whose} are {seconds} seconds apart.",
        "Let both follow a time server: codes open and servers stop by these clocks.",
    )


def file_system_of(path: Path) -> str:
    """The kind of file system that a file lies on; empty where the machine does not say."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, best, kind = path.resolve(), -1, ""
    for line in mounts:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        at = Path(fields[1].replace("\\040", " "))
        if (place == at or at in place.parents) and len(at.parts) >= best:
            best, kind = len(at.parts), fields[2]
    return kind
