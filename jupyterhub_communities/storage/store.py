"""The repositories of one transaction, together."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy

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


class SqlStore:
    """The port `Store` on one connection."""

    def __init__(self, connection: Connection, *, hub_name: str):
        self._connection, self._hub_name = connection, hub_name
        self.accounts: ports.Accounts = SqlAccounts(connection)
        self.people: ports.People = SqlPeople(connection)
        self.communities: ports.Communities = SqlCommunities(connection)
        self.grants: ports.Grants = SqlGrants(connection)
        self.workshops: ports.Workshops = SqlWorkshops(connection)
        self.invites: ports.Invites = SqlInvites(connection)
        self.redemptions: ports.Redemptions = SqlRedemptions(connection)
        self.waiting: ports.Waiting = SqlWaiting(connection)
        self.key_requests: ports.KeyRequests = SqlKeyRequests(connection)
        self.identities: ports.Identities = SqlIdentities(connection)
        self.role_offers: ports.RoleOffers = SqlRoleOffers(connection)
        self.notices: ports.Notices = SqlNotices(connection)
        self.leases: ports.Leases = SqlLeases(connection, hub_name)
        self.line: ports.Line = SqlLine(connection, hub_name)
        self.balances: ports.Balances = SqlBalances(connection, hub_name)
        self.meters: ports.Meters = SqlMeters(connection, hub_name)
        self.drains: ports.Drains = SqlDrains(connection, hub_name)
        self.usage: ports.Usage = SqlUsage(connection, hub_name)
        self.personal: ports.Personal = SqlPersonal(connection)
        self.marks: ports.Marks = SqlMarks(connection)
        self.audit: ports.Audit = SqlAudit(connection)
        self.kept_answers: ports.KeptAnswers = SqlKeptAnswers(connection)
        self.board: ports.Board = SqlBoard(connection, hub_name)
        self.hands: ports.Hands = SqlHands(connection, hub_name)
        self.rehearsals: ports.Rehearsals = SqlRehearsals(connection)
        self.trainings: ports.Trainings = SqlTrainings(connection)
        self.answered: ports.Answered = SqlAnswered(connection)
        self.sums: ports.Sums = SqlSums(connection)
        self.openness: ports.Openness = SqlOpenness(connection)
        self.asks: ports.Asks = SqlAsks(connection)
        self.loans: ports.Loans = SqlLoans(connection)
        self.templates: ports.Templates = SqlTemplates(connection)

    def about(self, usernames: Collection[str]) -> SqlStore:
        store = copy(self)
        people = PeopleTogether(self._connection, usernames)
        store.people = people
        store.leases = LeasesTogether(self._connection, self._hub_name, usernames, people)
        store.balances = BalancesTogether(self._connection, self._hub_name, people)
        store.communities = CommunitiesTogether(self._connection)
        store.workshops = WorkshopsTogether(self._connection)
        return store
