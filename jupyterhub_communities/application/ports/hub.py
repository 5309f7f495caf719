"""The Hub's API."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from ...domain.leases import RunningServer, ServerKey


class Hub(Protocol):
    """The Hub's API, as far as the service needs it."""

    async def servers(self) -> Mapping[ServerKey, RunningServer]:
        """All servers that run, start or stop."""
        ...

    async def set_groups(self, username: str, groups: Iterable[str], *, prefix: str) -> None:
        """Makes the person's groups with our prefix exactly these. Unknown users are left out:
        their groups come with their sign-in."""
        ...

    async def has_group(self, name: str) -> bool: ...
    async def stop_server(self, server: ServerKey) -> None: ...

    async def start_server(self, server: ServerKey) -> None:
        """Again, after it was stopped for that: with the options of its last start, and past who waits
        in line. Where there is no room for it any more, the person has a place in line, and the board
        says so."""
        ...

    async def share_server(self, server: ServerKey, username: str) -> None:
        """Lets somebody else open it, until that is taken back."""
        ...

    async def unshare_server(self, server: ServerKey, username: str) -> None: ...

    async def has_role(self, username: str) -> bool:
        """Is the person an admin of the Hub, or has a role there beyond everybody's?"""
        ...

    async def servers_of(self, username: str) -> Collection[ServerKey]:
        """Those of one person that run, start or stop. Empty for somebody the Hub does not know."""
        ...

    async def revoke_tokens(self, username: str, *, keep_servers: bool) -> None:
        """Deletes the person's tokens, `keep_servers` leaving those that running servers live by."""
        ...

    async def end_sign_ins(self, username: str) -> None:
        """Signs the person out of every browser and ends their tokens; their servers run on."""
        ...

    async def delete_user(self, username: str) -> bool:
        """Stops the person's servers and deletes the Hub user. False: still stopping, ask again."""
        ...
