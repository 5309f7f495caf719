"""Users as the Hub has them: rows of its own database, in memory."""

from __future__ import annotations

import time

from jupyterhub import orm


class HubUser:
    """As far as an authenticator looks at one."""

    def __init__(self, name, groups=(), *, admin=False, refreshed=...):
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        self.orm_user = orm.User(name=name, admin=admin)
        self.db.add(self.orm_user)
        self.orm_user.groups = [orm.Group(name=group) for group in groups]
        self.db.commit()
        self.id, self.name, self.admin = self.orm_user.id, name, admin
        # Just now unless told otherwise: a refresh is asked for on purpose. None: not since the start.
        self._auth_refreshed = time.monotonic() if refreshed is ... else refreshed
