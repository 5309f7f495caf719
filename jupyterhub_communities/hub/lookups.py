"""Looking people up in the Hub's database: what the Hub remembers is not read again.

The Hub keeps everybody who was here in memory, with their roles, groups and shares, and trusts
that: no other process writes its database. Yet SQLAlchemy reads these collections anew at every
look-up of a person, up to five statements, and drops what it has read where the collection is known
already. At each request and twice at each sign-in that is most of the Hub's own cost.

So a look-up of one person or one group leaves its collections to their first use.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User
from sqlalchemy import bindparam, event, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, lazyload
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption


def read_collections_once(session: Session) -> None:
    """From now on, for the Hub's one session."""
    event.listen(session, "do_orm_execute", _leave_collections)


def add_newcomer(user: User, group_names: Iterable[str]) -> None:
    """Puts somebody who was made a moment ago into their groups, in the commit that ends their
    sign-in. The Hub's own `sync_groups` reads them first and commits by itself."""
    if "groups" not in inspect(user.orm_user).unloaded:
        return  # a form that was sent twice: the other request was faster, and has added them
    set_committed_value(user.orm_user, "groups", [])  # nothing to read
    names = set(group_names)
    with user.db.no_autoflush:
        found = user.db.query(orm.Group).filter(orm.Group.name.in_(names))
        groups = found.options(*_OPTIONS[orm.Group]).all()
    missing = sorted(names - {group.name for group in groups})
    if missing:
        groups += [orm.Group(name=name) for name in missing]
        user.db.add_all(groups)
        user.db.flush()  # the next newcomer, before this one's commit, has to find them
    user.orm_user.groups.extend(groups)


def is_name_taken(session: Session, username: str) -> bool:
    """Has the Hub a user of this name?"""
    return session.execute(_BY_NAME, {"sought": username}).first() is not None


def _leave_collections(state: ORMExecuteState) -> None:
    if state.is_relationship_load or state.is_column_load or not state.is_select:
        return
    options = _OPTIONS.get(state.bind_mapper.class_ if state.bind_mapper else None)
    if options and _is_for_one(state.statement):
        state.statement = state.statement.options(*options)


def _is_for_one(statement: Any) -> bool:
    """A list's collections are better read at once, as the Hub does."""
    limit = getattr(statement, "_limit_clause", None)
    return getattr(limit, "effective_value", None) == 1


def _read_at_once(cls: type) -> tuple[ORMOption, ...]:
    relations: Iterable[Any] = inspect(cls).relationships
    return tuple(lazyload(each.class_attribute) for each in relations if each.lazy == "selectin")


_BY_NAME = select(orm.User.id).where(orm.User.name == bindparam("sought"))
_OPTIONS = {cls: _read_at_once(cls) for cls in (orm.User, orm.Group)}
