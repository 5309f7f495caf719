"""Requests that are safe to send twice: what has been answered is answered again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from ..domain.refusals import IdempotencyKeyReused
from .ports import Desk, KeptAnswer, Store

KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with the key that tells it from all others of the same person."""

    username: str
    account_id: str | None
    key: str  # that whoever asks has chosen
    asked: str  # all that makes it this request: method, place and body


def once(desk: Desk, request: Request, verb: Callable[[Desk], str]) -> str:
    """The verb's answer, or that which the same request had within a day. Raises
    `IdempotencyKeyReused`, and the verb's refusals: nothing is kept of a request that was refused.

    All in one transaction, so that of two requests at once the second is answered like the first.
    The answer is sealed, for it may show codes. Who asked has seen it: nothing is decided anew.
    """
    with desk.database.write() as store:
        kept = _kept(desk, store, request)
        if kept is not None:
            return kept
        answer = verb(replace(desk, database=_Joined(store)))
        store.kept_answers.put(
            KeptAnswer(
                key_digest=_key_digest(desk, request),
                account_id=request.account_id,
                request_digest=_request_digest(desk, request),
                answer_sealed=desk.keys.seal(answer),
                made_at=desk.now,
            )
        )
        return answer


def find_answer(desk: Desk, request: Request) -> str | None:
    """That which the same request had within a day, where it takes long to get ready for the verb.
    Raises `IdempotencyKeyReused`."""
    with desk.database.read() as store:
        return _kept(desk, store, request)


def _kept(desk: Desk, store: Store, request: Request) -> str | None:
    kept = store.kept_answers.get(_key_digest(desk, request))
    if kept is None or kept.made_at <= desk.now - KEPT_FOR:
        return None
    if kept.request_digest != _request_digest(desk, request):
        raise IdempotencyKeyReused
    return desk.keys.unseal(kept.answer_sealed)


def _key_digest(desk: Desk, request: Request) -> str:
    return desk.keys.digest("idempotency-key", f"{request.username}\n{request.key}")


def _request_digest(desk: Desk, request: Request) -> str:
    return desk.keys.digest("idempotent-request", request.asked)


def forget_answers(desk: Desk) -> None:
    """Those that nobody is answered with any more."""
    with desk.database.write() as store:
        store.kept_answers.forget(desk.now - KEPT_FOR)


class _Joined:
    """The port `Transactions` within one that is open: kept or undone with it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def read(self) -> Iterator[Store]:
        yield self._store

    write = read
