"""Live boards: one look at the database and one at the Hub for all who watch a workshop's board."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

from tornado.httpclient import HTTPError as FetchError
from tornado.log import app_log

from ..application.board import NOTHING_SEEN, Seen
from ..application.house import House
from ..application.live import Look, look_at_board
from ..application.ports import Hub
from ..domain.refusals import StorageUnreachable

LOOK_EVERY = 3.0  # seconds
_ASK_HUB_EVERY = 15.0
MOST_STREAMS = 400  # of this process
MOST_STREAMS_EACH = 8  # of one person

Place = tuple[str, str]  # community and workshop
_VERSIONS = count(1)  # of all looks: one of a workshop that was watched before is none of now


class TooManyStreams(Exception):
    """As many watch as this process serves at one time; they can ask again by themselves."""


class Watched:
    """One workshop, looked at while anybody watches it."""

    def __init__(self) -> None:
        self.watching: Counter[str | None] = Counter()  # by account id
        self.look: Look | None = None
        self.version = 0
        self.task: asyncio.Task[None] | None = None
        self._news: asyncio.Future[None] | None = None

    def tell(self, look: Look | None) -> None:
        """Wakes up who watches."""
        self.look = look
        self.version = next(_VERSIONS)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._news = None

    async def wait(self, version: int, seconds: float) -> None:
        """Until there is something newer, or so long."""
        if self.version != version:
            return
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._news], timeout=seconds)


class LiveBoards:
    """All boards that are watched in this process. What it costs grows with the workshops that are
    watched, not with how many watch them: a look is a thin row for each of their people, and what is
    drawn and sent of it is a page of 50, once for all who look at the same one."""

    def __init__(self, house: House, hub: Hub, *, every: float = LOOK_EVERY) -> None:
        self._house = house
        self._hub = hub
        self._every = every
        self._watched: dict[Place, Watched] = {}
        self._streams: Counter[str] = Counter()  # by username
        self._seen: Seen = NOTHING_SEEN
        self._asked_at = -_ASK_HUB_EVERY
        self._asking: asyncio.Task[None] | None = None

    async def seen(self) -> Seen:
        """What the Hub knows of servers, a quarter of a minute old at most; nothing where it does not
        answer, and nobody is held up by that more than once in that time."""
        if self._asking is None and time.monotonic() - self._asked_at >= _ASK_HUB_EVERY:
            self._asking = asyncio.create_task(self._ask())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=1)
        return self._seen

    async def _ask(self) -> None:
        try:
            self._seen = await self._hub.servers()
        except (FetchError, OSError) as error:
            self._seen = NOTHING_SEEN
            app_log.info("The Hub does not say who is at work: %r", error)
        except Exception:
            app_log.exception("What the Hub says of servers cannot be read")
        finally:
            self._asked_at = time.monotonic()
            self._asking = None

    @contextmanager
    def stream(self, username: str) -> Iterator[None]:
        """Counts one more. Raises `TooManyStreams`."""
        if self._streams.total() >= MOST_STREAMS or self._streams[username] >= MOST_STREAMS_EACH:
            raise TooManyStreams
        self._streams[username] += 1
        try:
            yield
        finally:
            self._streams[username] -= 1
            self._streams += Counter()  # without those that are at none

    @asynccontextmanager
    async def watch(self, place: Place, account_id: str | None) -> AsyncIterator[Watched]:
        watched = self._watched.setdefault(place, Watched())
        watched.watching[account_id] += 1
        if watched.task is None:
            watched.task = asyncio.create_task(self._keep_looking(place, watched))
        try:
            yield watched
        finally:
            watched.watching[account_id] -= 1
            watched.watching += Counter()
            if not watched.watching and watched.task is not None:
                watched.task.cancel()
                del self._watched[place]

    async def _keep_looking(self, place: Place, watched: Watched) -> None:
        shown: object = None
        while True:
            try:
                seen = await self.seen()
                accounts = [one for one in watched.watching if one is not None]
                look = await self._house.run(look_at_board, *place, accounts, seen=seen)
                # How long a hand has been up is told by the minute.
                minute = self._minute() if look is not None and look.board.hands else None
                if watched.version == 0 or (look, minute) != shown:
                    shown = (look, minute)
                    watched.tell(look)
            except StorageUnreachable:
                pass  # what is shown stays as it is
            except Exception:
                app_log.exception("A look at a board failed; the next one goes on")
            await asyncio.sleep(self._every)

    def _minute(self) -> int:
        return int(self._house.clock.now().timestamp()) // 60
