"""A rush: many want a server while there is none left.

They ask at one time and have their turns one after another. So one look answers all who have asked
when it begins: nobody is told what was so before they asked, and two hundred cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")

LASTS = timedelta(seconds=1)  # after the last one who was refused
MOST = 100  # that are looked at together: the first of them waits for the last


class Rush:
    """Whether one goes on, and who waits in it, as far as this process knows. Costs nothing where
    nobody is refused."""

    def __init__(self) -> None:
        self._refused_at: datetime | None = None
        self._lock = Lock()
        self._asking: dict[str, Any] = {}  # whom nobody has looked for yet
        self._looks: dict[str, Future[Mapping[str, Any]]] = {}  # taken for those who ask

    def note(self, now: datetime) -> None:
        """Somebody was told that it is full."""
        self._refused_at = now

    def goes_on(self, now: datetime) -> bool:
        return self._refused_at is not None and timedelta() <= now - self._refused_at < LASTS

    @contextmanager
    def asking(self, key: str, request: object) -> Iterator[None]:
        """Until the block ends, others look for this one too."""
        with self._lock:
            self._asking[key] = request
        try:
            yield
        finally:
            with self._lock:
                self._asking.pop(key, None)
                self._looks.pop(key, None)

    def look(
        self,
        key: str,
        request: Request,
        take: Callable[[Mapping[str, Request]], Mapping[str, Answer]],
    ) -> Answer | None:
        """What a look tells one: `take`'s for all who ask, or that of somebody else who has taken one
        since. Where that failed, and of whom `take` says nothing: None."""
        with self._lock:
            others = self._looks.pop(key, None)
            if others is None:
                self._asking.pop(key, None)
                own: Future[Mapping[str, Answer]] = Future()
                waiting = list(islice(self._asking, MOST - 1))
                together = {key: request} | {other: self._asking.pop(other) for other in waiting}
                self._looks |= dict.fromkeys(waiting, own)
        if others is not None:
            return others.result().get(key)
        answers: Mapping[str, Answer] = {}
        try:
            answers = take(together)
        finally:
            own.set_result(answers)
        return answers.get(key)
