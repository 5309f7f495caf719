"""Shared devices: their tokens go when eight hours are over."""

from __future__ import annotations

import time

import pytest
from jupyterhub import orm

from jupyterhub_communities.hub.devices import (
    LONGEST_SECONDS,
    end_shared_sessions,
    is_shared_session,
    shared_session_id,
)


class FakeApp:
    def __init__(self, db):
        self.db = db


@pytest.fixture
def app():
    db = orm.new_session_factory("sqlite:///:memory:")()
    user = orm.User(name="rosa")
    db.add_all([user, orm.OAuthClient(identifier="jupyterhub")])
    db.commit()
    yield FakeApp(db)
    db.close()


def begun(seconds_ago: float) -> str:
    return f"shared-{int(time.time() - seconds_ago)}-0123"


@pytest.mark.parametrize(
    ("session_id", "stays"),
    [
        (LONGEST_SECONDS - 600, True),  # seconds ago
        (LONGEST_SECONDS + 600, False),
        ("0123456789abcdef", True),  # not a shared device
        (None, True),  # a token that somebody made for themselves
        ("shared-tomorrow", False),  # made up
        ("shared-" + "9" * 40, False),
        ("shared-", False),
    ],
    ids=["younger", "older", "unshared", "no session", "a word", "far too late", "no time"],
)
def test_tokens_of_a_shared_sign_in_end_after_eight_hours(app, session_id, stays) -> None:
    if isinstance(session_id, int):
        session_id = begun(session_id)
    user = app.db.query(orm.User).one()
    app.db.add(
        orm.APIToken(user=user, session_id=session_id, token="t" * 32, client_id="jupyterhub")
    )
    app.db.commit()
    end_shared_sessions(app)
    assert app.db.query(orm.APIToken).count() == int(stays)


def test_a_shared_session_is_told_from_others() -> None:
    assert is_shared_session(shared_session_id())
    assert not is_shared_session("0123")
    assert not is_shared_session(None)
    assert shared_session_id() != shared_session_id()
