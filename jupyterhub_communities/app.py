"""Wiring: the house is built here and handed to both doors; `configure` does it for a hub."""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .application.house import House
from .config import CommunitiesFile, ConfigError, line_of, load_config
from .domain.refusals import StorageUnreachable
from .i18n.catalogues import po_path
from .i18n.custom import CustomCatalogues, read_custom
from .storage.database import SqlDatabase
from .storage.keyring import FileKeyring

KEY_VARIABLE = "COMMUNITIES_KEY"


def no_database(error: StorageUnreachable) -> str:
    """What the operator is told, with what the database or its driver said."""
    said = getattr(error.__cause__, "orig", None)
    reason = f" It said: {str(said).rstrip('.')}." if said else ""
    return (
        "The communities database does not answer. Is it locked, full, or not running? "
        f"Nothing was changed.{reason}"
    )


class SystemClock:
    """The port `Clock` by the machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SystemChance:
    """The port `Chance` by the operating system's randomness."""

    def choice(self, symbols: Sequence[str], /) -> str:
        return secrets.choice(symbols)

    def token(self) -> str:
        return secrets.token_urlsafe(16)

    def identifier(self) -> str:
        return uuid.uuid4().hex


def open_house(path: str | Path) -> House:
    """The house that a `communities.yaml` describes.

    Raises `ConfigError`, `KeyFileError` or `DatabaseUnfit`; each says in a sentence what to do.
    """
    path = Path(path).resolve()
    config = load_config(path)
    house = build_house(config, path.parent)
    house.database.check_schema()
    return house


def build_house(config: CommunitiesFile, folder: Path) -> House:
    """The house over a database whose schema may still have to be upgraded."""
    database = build_database(config, folder)
    return House(
        database=database,
        clock=SystemClock(),
        chance=SystemChance(),
        keys=load_keyring(config, folder),
        settings=config.settings(),
        threads=database.threads,
    )


def build_database(
    config: CommunitiesFile, folder: Path, address: str | None = None
) -> SqlDatabase:
    """The one that the file names, or another `address`. Raises `ConfigError` where it names no
    database that could be opened from here."""
    try:
        url = database_url(address or config.hub.database, folder)
        return SqlDatabase(url, hub_name=config.hub.name)
    except ValueError as error:
        raise ConfigError(
            "hub.database: expected a file name, or a URL such as postgresql://name@host/database"
        ) from error
    except ImportError as error:
        # psycopg is there in two parts, of which either may be missing.
        install = (
            "with: pip install 'jupyterhub-communities[postgresql]'"
            if error.name in (None, "psycopg")
            else "beside JupyterHub"
        )
        raise ConfigError(
            f"hub.database: this URL needs the Python package {error.name or 'psycopg[binary]'}. "
            f"Install it {install}"
        ) from error


def database_url(address: str, folder: Path) -> str:
    """A plain name is an SQLite file beside `communities.yaml`."""
    return address if "://" in address else f"sqlite:///{folder / address}"


def key_path(config: CommunitiesFile, folder: Path) -> Path:
    return folder / config.hub.key_file


def load_keyring(config: CommunitiesFile, folder: Path) -> FileKeyring:
    """The package's key from the environment or its file. Raises `KeyFileError`."""
    text = os.environ.get(KEY_VARIABLE)
    return FileKeyring.from_text(text) if text else FileKeyring.from_file(key_path(config, folder))


def read_languages(path: Path) -> CustomCatalogues:
    """The catalogues that a `communities.yaml` adds to ours. Raises `ConfigError` for the file only:
    a mistake in a catalogue keeps no hub from starting."""
    hub = load_config(path).hub
    if hub.catalogues is None:
        return CustomCatalogues()
    folder = path.parent / hub.catalogues
    if not folder.is_dir():
        where = f"{path}:{line_of(path, 'hub', 'catalogues')}: hub.catalogues"
        return CustomCatalogues(mistakes=[f"{where}: there is no folder {folder}"])
    found = read_custom(folder, unfinished=hub.offer_unfinished)
    for number, tag in enumerate(hub.offer_unfinished):
        if not po_path(tag, folder).exists():
            line = line_of(path, "hub", "offer_unfinished", number)
            where = f"{path}:{line}: hub.offer_unfinished.{number}"
            found.mistakes.append(f"{where}: there is no {po_path(tag, folder)}")
    return found
