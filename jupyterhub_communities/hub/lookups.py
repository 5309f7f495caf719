"""Looking people up in the Hub's database: what the Hub remembers is not read again.

The Hub keeps everybody who was here in memory, with their roles, groups and shares, and trusts
that: no other process writes its database. Yet SQLAlchemy reads these collections anew at every
look-up of a person, up to five statements, and drops what it has read where the collection is known
already. At each request and twice at each sign-in that is most of the Hub's own cost.

So a look-up of one person or one group leaves its collections to their first use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub import orm
from jupyterhub.metrics import TOTAL_USERS
from jupyterhub.utils import utcnow
from sqlalchemy import bindparam, inspect, select
from sqlalchemy.orm import Query, Session, lazyload
from sqlalchemy.orm.interfaces import ORMOption


def read_collections_once(session: Session) -> None:
    """From now on, for the Hub's one session. Not by one of its events: with a listener SQLAlchemy
    prepares each of the Hub's statements twice."""

    def query(*entities: Any, **more: Any) -> Query[Any]:
        made_of = _Lookup if len(entities) == 1 and entities[0] in _OPTIONS else Query
        return made_of(entities, session, **more)

    session.query = query  # type: ignore[assignment, method-assign]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who has joined, and whom the Hub does not know yet."""

    username: str
    groups: Collection[str]
    user_info: Mapping[str, str]


def add_newcomer(session: Session, newcomer: Newcomer) -> orm.User:
    """A user with role, groups and server in one commit. The Hub takes four: the user with its
    role, the server, the groups, and that the person was here when they open their first page."""
    with session.no_autoflush:
        role = session.execute(_USER_ROLE).scalar_one()
        groups = _groups(session, newcomer.groups)
    user = orm.User(
        name=newcomer.username,
        roles=[role],
        groups=groups,
        last_activity=utcnow(with_tz=False),
        encrypted_auth_state=None,  # said, so that the Hub does not say it once more
        **_where_known(orm.User, user_info=dict(newcomer.user_info)),
    )
    server = orm.Spawner(name="", **_where_known(orm.Spawner, display_name=""))
    user._orm_spawners = [server]
    session.add(user)
    session.commit()
    TOTAL_USERS.inc()
    return user


def _groups(session: Session, names: Collection[str]) -> list[orm.Group]:
    """Those of these names; one that the Hub does not have yet is made."""
    query = session.query(orm.Group).filter(orm.Group.name.in_(names))
    found: list[orm.Group] = query.options(*_OPTIONS[orm.Group]).all()
    missing = set(names) - {group.name for group in found}
    return found + [orm.Group(name=name) for name in sorted(missing)]


def _where_known(cls: type, **values: Any) -> dict[str, Any]:
    """Without the columns that JupyterHub 5 does not have."""
    return {name: value for name, value in values.items() if hasattr(cls, name)}


def is_name_taken(session: Session, username: str) -> bool:
    """Has the Hub a user of this name?"""
    return session.execute(_BY_NAME, {"sought": username}).first() is not None


class _Lookup(Query[Any]):
    """Of one person or group where the first is asked for, as the Hub does; a list's collections are
    better read at once."""

    def __init__(self, entities: Any, session: Session) -> None:
        super().__init__(entities, session)
        self._whom = entities[0]

    def first(self) -> Any:
        is_whole = [one["expr"] for one in self.column_descriptions] == [self._whom]
        return super(_Lookup, self.options(*_OPTIONS[self._whom]) if is_whole else self).first()


def _read_at_once(cls: type) -> tuple[ORMOption, ...]:
    relations: Iterable[Any] = inspect(cls).relationships
    return tuple(lazyload(each.class_attribute) for each in relations if each.lazy == "selectin")


_USER_ROLE = select(orm.Role).where(orm.Role.name == "user")
_BY_NAME = select(orm.User.id).where(orm.User.name == bindparam("sought"))
_OPTIONS = {cls: _read_at_once(cls) for cls in (orm.User, orm.Group)}
