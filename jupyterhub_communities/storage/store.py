"""The repositories of one transaction, together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from typing import Generic, TypeVar

from sqlalchemy import Connection

from ..application import ports
from .accounts import SqlAccounts
from .audit import SqlAudit
from .balances import SqlBalances
from .board import SqlBoard
from .cohorts import SqlAsks, SqlLoans, SqlTemplates
from .communities import SqlCommunities
from .drains import SqlDrains
from .grants import SqlGrants
from .hands import SqlHands
from .identities import SqlIdentities
from .invites import SqlInvites, SqlRedemptions
from .kept_answers import SqlKeptAnswers
from .key_requests import SqlKeyRequests
from .leases import SqlLeases
from .limits import SqlLimits
from .line import SqlLine
from .marks import SqlMarks
from .meters import SqlMeters
from .notices import SqlNotices
from .offers import SqlRoleOffers
from .openness import SqlOpenness
from .outcomes import SqlAnswered, SqlSums, SqlTrainings
from .people import SqlPeople
from .personal import SqlPersonal
from .rehearsals import SqlRehearsals
from .together import (
    BalancesTogether,
    CommunitiesTogether,
    LeasesTogether,
    PeopleTogether,
    WorkshopsTogether,
)
from .usage import SqlUsage
from .waiting import SqlWaiting
from .workshops import SqlWorkshops

R = TypeVar("R")


class _Repository(Generic[R]):
    """Made when it is first asked for: a transaction uses a few of all."""

    def __init__(self, make: Callable[[Connection], R]) -> None:
        self.make: Callable[..., R] = make

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, store: SqlStore, _owner: type) -> R:
        made = vars(store)[self._name] = self.make(*self._of(store))
        return made

    def _of(self, store: SqlStore) -> tuple[object, ...]:
        return (store.connection,)


class _HubRepository(_Repository[R]):
    """That sees what is its own hub's."""

    def __init__(self, make: Callable[[Connection, str], R]) -> None:
        self.make = make

    def _of(self, store: SqlStore) -> tuple[object, ...]:
        return (store.connection, store.hub_name)


class SqlStore:
    """The port `Store` on one connection."""

    accounts = _Repository[ports.Accounts](SqlAccounts)
    people = _Repository[ports.People](SqlPeople)
    communities = _Repository[ports.Communities](SqlCommunities)
    grants = _Repository[ports.Grants](SqlGrants)
    workshops = _Repository[ports.Workshops](SqlWorkshops)
    invites = _Repository[ports.Invites](SqlInvites)
    redemptions = _Repository[ports.Redemptions](SqlRedemptions)
    waiting = _Repository[ports.Waiting](SqlWaiting)
    key_requests = _Repository[ports.KeyRequests](SqlKeyRequests)
    identities = _Repository[ports.Identities](SqlIdentities)
    role_offers = _Repository[ports.RoleOffers](SqlRoleOffers)
    notices = _Repository[ports.Notices](SqlNotices)
    leases = _HubRepository[ports.Leases](SqlLeases)
    line = _HubRepository[ports.Line](SqlLine)
    limits = _HubRepository[ports.Limits](SqlLimits)
    balances = _HubRepository[ports.Balances](SqlBalances)
    meters = _HubRepository[ports.Meters](SqlMeters)
    drains = _HubRepository[ports.Drains](SqlDrains)
    usage = _HubRepository[ports.Usage](SqlUsage)
    personal = _Repository[ports.Personal](SqlPersonal)
    marks = _Repository[ports.Marks](SqlMarks)
    audit = _Repository[ports.Audit](SqlAudit)
    kept_answers = _Repository[ports.KeptAnswers](SqlKeptAnswers)
    board = _HubRepository[ports.Board](SqlBoard)
    hands = _HubRepository[ports.Hands](SqlHands)
    rehearsals = _Repository[ports.Rehearsals](SqlRehearsals)
    trainings = _Repository[ports.Trainings](SqlTrainings)
    answered = _Repository[ports.Answered](SqlAnswered)
    sums = _Repository[ports.Sums](SqlSums)
    openness = _Repository[ports.Openness](SqlOpenness)
    asks = _Repository[ports.Asks](SqlAsks)
    loans = _Repository[ports.Loans](SqlLoans)
    templates = _Repository[ports.Templates](SqlTemplates)

    def __init__(self, connection: Connection, *, hub_name: str):
        self.connection, self.hub_name = connection, hub_name

    def about(self, usernames: Collection[str]) -> SqlStore:
        store = copy(self)
        people = PeopleTogether(self.connection, usernames)
        store.people = people
        store.leases = LeasesTogether(self.connection, self.hub_name, usernames, people)
        store.balances = BalancesTogether(self.connection, self.hub_name, people)
        store.communities = CommunitiesTogether(self.connection)
        store.workshops = WorkshopsTogether(self.connection)
        return store
