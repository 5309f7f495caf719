"""A rush: one look answers all who have asked when it begins, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from threading import Thread

import pytest

from jupyterhub_communities.application.rush import MOST, Rush


class Looker:
    """Tells everybody whom it looks at how many have looked."""

    def __init__(self) -> None:
        self.looks: list[list[str]] = []

    def take(self, asked: Mapping[str, str]) -> dict[str, int]:
        self.looks.append(list(asked.values()))
        return dict.fromkeys(asked, len(self.looks))


@pytest.fixture
def rush():
    return Rush()


@pytest.fixture
def looker():
    return Looker()


def test_one_look_answers_all_who_ask(rush, looker) -> None:
    with rush.asking("a", "Ana"), rush.asking("b", "Bia"), rush.asking("c", "Eva"):
        assert [rush.look(*one, looker.take) for one in [("b", "Bia"), ("a", "Ana")]] == [1, 1]
        assert rush.look("c", "Eva", looker.take) == 1
    assert looker.looks == [["Bia", "Ana", "Eva"]]


def test_nobody_is_told_what_was_so_before_they_asked(rush, looker) -> None:
    with ExitStack() as asking:

        def take(asked: Mapping[str, str]) -> dict[str, int]:
            asking.enter_context(rush.asking("late", "Luz"))
            return looker.take(asked)

        asking.enter_context(rush.asking("a", "Ana"))
        assert rush.look("a", "Ana", take) == 1
        assert rush.look("late", "Luz", looker.take) == 2
    assert looker.looks == [["Ana"], ["Luz"]]


def test_who_asks_again_is_looked_at_again(rush, looker) -> None:
    """Told that there is room, and then there was none."""
    with rush.asking("a", "Ana"), rush.asking("b", "Bia"):
        rush.look("a", "Ana", looker.take)
        assert [rush.look("b", "Bia", looker.take) for _ in range(2)] == [1, 2]


def test_nobody_looks_for_those_who_have_gone(rush, looker) -> None:
    with rush.asking("a", "Ana"):
        with rush.asking("b", "Bia"):
            pass
        with pytest.raises(ZeroDivisionError), rush.asking("c", "Eva"):
            raise ZeroDivisionError
        rush.look("a", "Ana", looker.take)
    assert looker.looks == [["Ana"]]


def test_an_answer_that_nobody_came_for_is_not_kept(rush, looker) -> None:
    with rush.asking("a", "Ana"):
        with rush.asking("b", "Bia"):
            rush.look("a", "Ana", looker.take)
        with rush.asking("b", "Bia"):
            assert rush.look("b", "Bia", looker.take) == 2


def test_whoever_asks_without_having_said_so_is_looked_at_alone(rush, looker) -> None:
    """The command line has no others."""
    assert rush.look("a", "Ana", looker.take) == 1
    assert looker.looks == [["Ana"]]


def test_a_look_that_fails_fails_for_whoever_takes_it(rush, looker) -> None:
    def fails(asked: Mapping[str, str]) -> dict[str, int]:
        raise ZeroDivisionError

    with rush.asking("a", "Ana"), rush.asking("b", "Bia"):
        with pytest.raises(ZeroDivisionError):
            rush.look("a", "Ana", fails)
        assert rush.look("b", "Bia", looker.take) is None, "goes on without"
        assert rush.look("b", "Bia", looker.take) == 1


def test_so_many_are_looked_at_together(rush, looker) -> None:
    with ExitStack() as asking:
        for number in range(MOST + 5):
            asking.enter_context(rush.asking(str(number), str(number)))
        last = str(MOST + 4)
        rush.look(last, last, looker.take)
        assert len(looker.looks[0]) == MOST
        rush.look(str(MOST), str(MOST), looker.take)
    assert looker.looks[0][0] == last
    assert looker.looks[1] == [str(MOST + n) for n in (0, -1, 1, 2, 3)]


def test_others_wait_for_the_look_that_goes_on(rush, looker) -> None:
    told: list[object] = []
    with rush.asking("a", "Ana"), rush.asking("b", "Bia"):

        def take(asked: Mapping[str, str]) -> dict[str, int]:
            other.start()
            other.join(0.2)
            assert other.is_alive()
            return looker.take(asked)

        other = Thread(target=lambda: told.append(rush.look("b", "Bia", looker.take)))
        rush.look("a", "Ana", take)
        other.join(10)
    assert told == [1]
    assert looker.looks == [["Ana", "Bia"]]
