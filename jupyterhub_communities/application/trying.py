"""Trying out: what a verb would answer or refuse, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from .ports import Desk, Store, Transactions

P = ParamSpec("P")
T = TypeVar("T")


class _Undo(Exception):
    """Ends a transaction, of which nothing is kept."""


class _Undone:
    """The port `Transactions`: everything is written, and undone at the end."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    def read(self) -> AbstractContextManager[Store]:
        return self._database.read()

    @contextmanager
    def write(self) -> Iterator[Store]:
        try:
            with self._database.write() as store:
                yield store
                raise _Undo
        except _Undo:
            pass


def try_out(
    desk: Desk, verb: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Raises the verb's refusals."""
    return verb(replace(desk, database=_Undone(desk.database)), *args, **kwargs)
