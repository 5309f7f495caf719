"""Houses for tests: the real verbs over a real database, with a clock that the test sets."""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jupyterhub_communities.application.batches import (
    DrawnBatch,
    check_batch,
    draw_batch,
    issue_batch,
)
from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.ports import Settings
from jupyterhub_communities.application.reconciling import Mended, find_mends, mend_leases
from jupyterhub_communities.application.workshops import (
    NewWorkshop,
    OpenedWorkshop,
    open_workshop,
)
from jupyterhub_communities.domain.communities import Community
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.profiles import Catalogue, Profile
from jupyterhub_communities.domain.stops import RunningRules
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.domain.workshops import Session
from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.keyring import FileKeyring

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

SMALL = Profile(
    slug="small", names={"en": "Small", "es": "Pequeño"}, milli_cpu=500, memory=512_000_000
)
MEDIUM = Profile(slug="medium", names={"en": "Medium", "es": "Mediano"}, milli_cpu=1000)


class SetClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, now: datetime = NOON):
        self.time = now

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


class SeededChance:
    """Repeatable randomness."""

    def __init__(self, seed: int = 1):
        self._random = random.Random(seed)

    def choice(self, symbols):
        return self._random.choice(symbols)

    def token(self) -> str:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
        return "".join(self._random.choices(alphabet, k=22))

    def identifier(self) -> str:
        return f"{self._random.getrandbits(128):032x}"


def database_in(folder: Path) -> str:
    """An SQLite file, unless the fixture `database` has put another address there."""
    file = folder / "database"
    return file.read_text() if file.exists() else f"sqlite:///{folder / 'communities.sqlite'}"


def make_house(
    folder: Path,
    *,
    communities: tuple[Declaration, ...] | None = None,
    hub_servers: int | None = None,
    **more: Any,
) -> House:
    """A house with the community `andes`: Spanish, champion `ana`, three servers."""
    declared = communities or (andes(),)
    house = open_house_in(folder, communities=declared, **more)
    lay_tables(house.database)
    house.call(apply_declarations, declared, most_servers(hub_servers))
    return house


def lay_tables(database: SqlDatabase) -> None:
    """As `upgrade` does. The file of a new SQLite is copied, for to migrate it takes longer than most
    tests; `Postgresql.lend` does the like."""
    if database.url.get_backend_name() == "sqlite":
        file = Path(database.url.database or "")
        if not file.exists():
            shutil.copyfile(_migrated_file(), file)
    if database.revision() is None:
        database.upgrade()


@cache
def _migrated_file() -> Path:
    """An SQLite database with the tables of this version, and nothing in them."""
    folder = Path(tempfile.mkdtemp(prefix="communities-"))
    atexit.register(shutil.rmtree, folder)
    file = folder / "communities.sqlite"
    database = SqlDatabase(f"sqlite:///{file}")
    database.upgrade()
    database.close()
    return file


def open_house_in(
    folder: Path,
    *,
    communities: Iterable[Declaration] = (),
    clock: SetClock | None = None,
    chance: SeededChance | None = None,
    admit_when_unreachable: bool = False,
    profiles: tuple[Profile, ...] = (SMALL, MEDIUM),
    patience: float = 2.0,
    busy_timeout: float = 1.5,
    hub_name: str = "hub",
    running: Mapping[str | None, RunningRules] | None = None,
    grace: timedelta = timedelta(days=14),
) -> House:
    """The house over what is in the folder."""
    database = SqlDatabase(database_in(folder), hub_name=hub_name, busy_timeout=busy_timeout)
    return House(
        database=database,
        clock=clock or SetClock(),
        chance=chance or SeededChance(),
        keys=FileKeyring(b"k" * 32),
        settings=Settings(
            hub_name=hub_name,
            catalogue=Catalogue(profiles),
            communities=frozenset(d.community.slug for d in communities),
            admit_when_unreachable=admit_when_unreachable,
            running=running or {},
            grace=grace,
        ),
        patience=patience,
        threads=database.threads,
    )


def reconcile(
    house: House, servers: Mapping[ServerKey, RunningServer], snapshot_at: datetime
) -> Mended:
    """As the service's timer does it, all in one transaction."""
    return house.call(mend_leases, house.call(find_mends, servers, snapshot_at))


def andes(
    servers: int | None = 3, champions: tuple[str, ...] = ("ana",), slug: str = "andes"
) -> Declaration:
    return Declaration(
        community=Community(
            slug=slug,
            names={"es": "Comunidad Andes", "en": "Andes Community"},
            language="es",
            contact="hola@andes.example",
            declared=True,
        ),
        quota=most_servers(servers),
        champions=champions,
    )


def most_servers(servers: int | None) -> Quota:
    return Quota({} if servers is None else {SERVERS: Limit(most=servers)})


def actor_of(house: House, username: str) -> Actor:
    return house.call(find_person, username).actor()


def issue_names(
    house: House,
    actor: Actor,
    community: str,
    names: Sequence[str],
    wanted: NewInvite,
) -> DrawnBatch:
    """A personal code for each, as the service does it in steps."""
    house.call(check_batch, actor, community, wanted)
    return house.call(issue_batch, actor, community, house.call(draw_batch, names), wanted)


def open_taller(
    house: House,
    *,
    title: str = "Taller de Python",
    seats: int | None = 10,
    servers: int | None = None,
    language: str = "es",
    profile: str | None = "small",
    starts_in: timedelta = timedelta(hours=-1),
    lasts: timedelta = timedelta(hours=3),
    community: str = "andes",
    by: str = "ana",
    is_reserved: bool = False,
) -> OpenedWorkshop:
    """A workshop opened by the champion; it runs now unless told otherwise."""
    start = house.clock.now() + starts_in
    return house.call(
        open_workshop,
        actor_of(house, by),
        community,
        NewWorkshop(
            title=title,
            language=language,
            zone="America/Lima",
            sessions=(Session(start, start + lasts),),
            seats=seats,
            profile=profile,
            servers=servers,
            is_reserved=is_reserved,
        ),
    )
