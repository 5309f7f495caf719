"""What the first people after a start would wait for: statements that are put together once."""

from __future__ import annotations

from ..domain.quotas import HUB
from ..domain.refusals import StorageUnreachable
from ..domain.reservations import LOOK_AHEAD
from ..domain.units import SERVERS
from .house import House
from .ports import WouldWait


def warm_up(house: House) -> None:
    """Asks for nobody what every sign-in asks, by both ways to the database."""
    now = house.clock.now()
    for database in (house.database, house.database.at_once):
        if database is None:
            continue
        try:
            with database.read() as store:
                store.invites.by_digest("")
                store.redemptions.by_attempt("", "")
                store.people.by_key_digest("")
                store.people.by_username("")
                store.notices.of_account("")
                store.balances.standing(HUB, {SERVERS: 1}, now, now + LOOK_AHEAD)
        except (StorageUnreachable, WouldWait):
            pass  # whoever comes first waits, or is told
