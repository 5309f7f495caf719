"""Signing a person out everywhere, while their servers run on."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.user import User
from tornado.web import HTTPError


def end_sign_ins(db: Any, user: User) -> None:
    """No browser and no token is this person's any more, save what running servers live by.

    A server believes a token for as long as its HubOAuth's `cache_max_age` says; the settings that
    we give to servers make that 30 seconds.
    """
    kept = {_token_of(db, spawner) for spawner in user.spawners.values() if spawner.active}
    for token in db.query(orm.APIToken).filter_by(user_id=user.id):
        if token.id not in kept:
            db.delete(token)
    for code in db.query(orm.OAuthCode).filter_by(user_id=user.id):
        db.delete(code)
    user.orm_user.cookie_id = orm.new_token()  # the Hub's login cookies name it
    db.commit()


class SignInsHandler(APIHandler):
    """`DELETE /hub/api/users/{name}/sign-ins`: the Hub's own API ends tokens, and leaves the cookies of
    browsers. For who may end somebody's tokens: the service, an admin, and everybody their own."""

    @needs_scope("tokens")
    def delete(self, user_name: str) -> None:
        user = self.find_user(user_name)
        if user is None:
            raise HTTPError(404)
        end_sign_ins(self.db, user)
        self.set_status(204)


def _token_of(db: Any, spawner: Any) -> int | None:
    """The id of the token that a server was started with."""
    if found := orm.APIToken.find(db, spawner.api_token) if spawner.api_token else None:
        return int(found.id)
    # A Hub that was restarted knows it no more. It was made just before the start: whatever else
    # was given the same note by hand is either newer than the start, or older than the token.
    started = spawner.orm_spawner.started
    if started is None:
        return None
    notes = [f"Server at {spawner.server.base_url}"] if spawner.server else []
    found = (
        db.query(orm.APIToken)
        .filter(
            orm.APIToken.user_id == spawner.user.id,
            orm.APIToken.session_id.is_(None),
            orm.APIToken.note.in_(notes),
            orm.APIToken.created <= started,
        )
        .order_by(orm.APIToken.created.desc(), orm.APIToken.id.desc())
        .first()
    )
    return None if found is None else int(found.id)
