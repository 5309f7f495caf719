"""The cookie that says when somebody has last shown who they are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from houses import NOON
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jupyterhub_communities.pages.proofs import COOKIE, is_proved, proof_of
from jupyterhub_communities.storage.keyring import FileKeyring

KEYS = FileKeyring(b"k" * 32)
GOOD = proof_of("ana", NOON, KEYS)


def holds(*values: str, username: str = "ana", after: timedelta = timedelta(0)) -> bool:
    headers = HTTPHeaders(
        {"Host": "hub", "Cookie": "; ".join(f"{COOKIE}={value}" for value in values)}
    )
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    request = HTTPServerRequest(start_line=line, headers=headers)
    return is_proved(request, username, NOON + after, KEYS)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(0, True), (14.9, True), (15, False), (-0.5, True), (-2, False)]
)
def test_a_proof_holds_for_a_quarter_of_an_hour(minutes, expected) -> None:
    assert holds(GOOD, after=timedelta(minutes=minutes)) is expected


def test_a_proof_is_one_persons() -> None:
    assert holds(GOOD)
    assert not holds(GOOD, username="eve")
    assert not holds(proof_of("eve", NOON, KEYS))


@pytest.mark.parametrize("planted", ["x", "", proof_of("eve", NOON, KEYS), '"', "9" * 12 + ".x"])
def test_what_is_planted_beside_it_takes_nothing_away(planted) -> None:
    assert holds(planted, GOOD)
    assert holds(GOOD, planted)
    assert not holds(planted)


@pytest.mark.parametrize("later", ["1", "60", "-1"])
def test_nobody_moves_its_time(later) -> None:
    seconds, _, digest = GOOD.partition(".")
    assert not holds(f"{int(seconds) + int(later)}.{digest}")
    assert not holds(proof_of("ana", NOON, FileKeyring(b"x" * 32)))
