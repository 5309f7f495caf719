"""The tables. Times are UTC; amounts are whole base units; JSON holds language tag → text."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import BigInteger, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes, also on SQLite, which has none: kept as naive UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = String(32)
Slug = String(40)
Username = String(255)
Tag = String(35)
Digest = String(64)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", Username, nullable=False, unique=True),
    Column("display_name", String(255), nullable=False),
    Column("folded_name", String(255), nullable=False, index=True),  # for `domain.names.same_name`
    Column("kind", String(16), nullable=False),
    Column("language", Tag),
    Column("created_at", UtcDateTime, nullable=False),
    # The kept key has a digest only; a key that waits to be kept is sealed as well.
    Column("key_digest", Digest, unique=True),
    Column("key_confirmed_at", UtcDateTime),
    Column("pending_key_digest", Digest, unique=True),
    Column("pending_key_sealed", Text),
    Column("pending_key_browser", Digest),  # the only one that may see it; None: any of theirs
    Column("blocked_at", UtcDateTime, index=True),
    Column("erase_at", UtcDateTime, index=True),
)

# Ways in through the upstream Authenticator that belong to an account of another name.
identities = Table(
    "identities",
    metadata,
    Column("subject", Username, primary_key=True),  # the username that upstream gives
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("linked_at", UtcDateTime, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", String(64), nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

key_requests = Table(
    "key_requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", String(8), nullable=False, index=True),
    Column("browser_digest", Digest, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("account_id", Id, ForeignKey("accounts.id"), index=True),
    Column("approved_by", Id),
    Column("approved_at", UtcDateTime),
    Column("used_at", UtcDateTime),
)

communities = Table(
    "communities",
    metadata,
    Column("slug", Slug, primary_key=True),
    Column("names", JSON, nullable=False),
    Column("language", Tag, nullable=False),
    Column("contact", Text),
    Column("declared", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retention_days", Integer),
    Column("cohort", Slug, index=True),
    Column("suspended_at", UtcDateTime),
    Column("suspended_because", Text),
    Column("shows_people", Boolean, nullable=False, server_default=false()),  # to all its members
    Column("archived_at", UtcDateTime),
    Column("is_public", Boolean, nullable=False, server_default=false()),
)

# Roles that were offered, and neither accepted nor declined. The username may be nobody's.
role_offers = Table(
    "role_offers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("community", Slug, ForeignKey("communities.slug"), nullable=False),
    Column("username", Username, nullable=False, index=True),
    Column("role", Integer, nullable=False),
    Column("made_by", Id),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    UniqueConstraint("community", "username"),
)

workshops = Table(
    "workshops",
    metadata,
    Column("community", Slug, ForeignKey("communities.slug"), primary_key=True),
    Column("slug", Slug, primary_key=True),
    Column("title", Text, nullable=False),
    Column("language", Tag, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("seats", Integer),
    Column("profile", String(64)),
    Column("made_by", Id),
    Column("created_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    # Set aside for each session: resource → amount.
    Column("reserved", JSON(none_as_null=True)),
    Column("reserved_at", UtcDateTime),
    Column("message", Text),
    Column("promised", Integer),  # a role in the community, to those who complete it
    # Somebody has seen what was answered about it: nobody answers any more.
    Column("is_told", Boolean, nullable=False, server_default=false()),
)

sessions = Table(
    "sessions",
    metadata,
    Column("community", Slug, primary_key=True),
    Column("workshop", Slug, primary_key=True),
    Column("starts_at", UtcDateTime, primary_key=True),
    Column("ends_at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["community", "workshop"], ["workshops.community", "workshops.slug"]),
    Index(None, "ends_at"),
)

sites = Table(
    "sites",
    metadata,
    Column("community", Slug, primary_key=True),
    Column("workshop", Slug, primary_key=True),
    Column("slug", Slug, primary_key=True),
    Column("name", Text, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("country", String(2)),
    ForeignKeyConstraint(["community", "workshop"], ["workshops.community", "workshops.slug"]),
)

invites = Table(
    "invites",
    metadata,
    Column("id", Id, primary_key=True),
    Column("community", Slug, ForeignKey("communities.slug")),
    Column("workshop", Slug),
    Column("site", Slug),
    Column("role", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("batch", Id, index=True),
    Column("label", String(255)),
    Column("seats", Integer),
    Column("taken", Integer, nullable=False, server_default="0"),
    Column("opens_at", UtcDateTime),
    Column("closes_at", UtcDateTime),
    Column("lasts_until", UtcDateTime),
    Column("lasts_seconds", Integer),
    Column("paused_at", UtcDateTime),
    Column("is_by_hand", Boolean, nullable=False, server_default=false()),
    Column("bound_username", Username),
    Column("made_by", Id, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("code_digest", Digest, nullable=False, unique=True),
    Column("code_sealed", Text, nullable=False),
    Column("link_digest", Digest, nullable=False, unique=True),
    Column("link_sealed", Text, nullable=False),
    Index(None, "community", "workshop"),
)

grants = Table(
    "grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("role", Integer, nullable=False),
    Column("community", Slug, ForeignKey("communities.slug"), nullable=False),
    Column("workshop", Slug),
    Column("site", Slug),
    Column("source", String(16), nullable=False),
    Column("made_by", Id),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    # A champion who agreed to be named, for as long as this holds.
    Column("is_named", Boolean, nullable=False, server_default=false()),
    Index(None, "community", "workshop"),
    Index(None, "ends_at"),
    Index(None, "revoked_at"),
)

redemptions = Table(
    "redemptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invite_id", Id, ForeignKey("invites.id"), nullable=False),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("attempt_digest", Digest, nullable=False),
    Column("grant_id", Id, ForeignKey("grants.id")),
    Column("redeemed_at", UtcDateTime, nullable=False),
    Column("released_at", UtcDateTime),  # when its seat was given back
    UniqueConstraint("invite_id", "attempt_digest"),
    UniqueConstraint("invite_id", "account_id"),
)

waiting = Table(
    "waiting",
    metadata,
    Column("id", Id, primary_key=True),
    Column("invite_id", Id, ForeignKey("invites.id"), nullable=False),
    Column("attempt_digest", Digest, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("admitted_at", UtcDateTime),
    Column("offered_until", UtcDateTime),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("invite_id", "number"),
    Index(None, "invite_id", "attempt_digest"),
)

leases = Table(
    "leases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hub", String(64), nullable=False),
    Column("username", Username, nullable=False),
    Column("server_name", Username, nullable=False),
    Column("account_id", Id),
    Column("community", Slug),
    Column("workshop", Slug),
    Column("profile", String(64)),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("active_at", UtcDateTime),
    Column("settled_at", UtcDateTime),
    Column("adopted", Boolean, nullable=False),
    Column("amounts", JSON, nullable=False, server_default='{"servers": 1}'),
    Column("metered_until", UtcDateTime),
    Column("metered_at", UtcDateTime),  # wholly: nothing of it is left to meter
    Column("ends_at", UtcDateTime),  # as far as that is known
    Column("warned_at", UtcDateTime),
    Column("stop_at", UtcDateTime),
    Column("stop_reason", String(32)),
    Column("is_rescue", Boolean, nullable=False, server_default=false()),
    Column("is_hub_admin", Boolean, nullable=False, server_default=false()),
    Index(
        "ix_leases_unmetered",
        "hub",
        "settled_at",
        sqlite_where=text("metered_at IS NULL"),
        postgresql_where=text("metered_at IS NULL"),
    ),
    Index(  # nearly always empty: every start asks whether it is
        "ix_leases_ended_unmetered",
        "hub",
        sqlite_where=text("metered_at IS NULL AND settled_at IS NOT NULL"),
        postgresql_where=text("metered_at IS NULL AND settled_at IS NOT NULL"),
    ),
    Index(
        "uq_leases_unsettled_server",
        "hub",
        "username",
        "server_name",
        unique=True,
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(
        "ix_leases_unsettled_account",
        "account_id",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(None, "community", "settled_at"),
    Index(None, "settled_at"),  # the history of the last days, for dry runs
    Index(None, "account_id", "requested_at"),
)

# The line for servers: who waits until one can be started. (`waiting` is for seats.)
start_tickets = Table(
    "start_tickets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hub", String(64), nullable=False),
    Column("username", Username, nullable=False),
    Column("server_name", Username, nullable=False),
    Column("account_id", Id, index=True),
    Column("community", Slug),
    Column("workshop", Slug),
    Column("amounts", JSON, nullable=False),
    Column("options", JSON(none_as_null=True)),  # as the Hub has them
    Column("taken_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    UniqueConstraint("hub", "username", "server_name"),
)

# One row per scope and resource: an admission costs the same with ten leases as with a million.
balances = Table(
    "balances",
    metadata,
    Column("scope", String(160), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("quota", BigInteger),  # the most; of a cohort its pool
    Column("held", BigInteger, nullable=False, server_default="0"),  # of a cohort what is drawn
    Column("quota_each", BigInteger),
    Column("is_shared_equally", Boolean, nullable=False, server_default=false()),
    Column("nominal", BigInteger),
    Column("may_borrow", BigInteger),
    Column("may_lend", BigInteger),
)

# What may be spent over a window.
allowances = Table(
    "allowances",
    metadata,
    Column("scope", String(160), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("span", String(64), primary_key=True),  # the window
    Column("is_each", Boolean, primary_key=True),  # of one person
    Column("quota", BigInteger, nullable=False),
)

# What was spent of each resource at a scope, from the beginning to the end of each hour: so that a
# window is two look-ups, however long it is.
spent = Table(
    "spent",
    metadata,
    Column("scope", String(160), primary_key=True),
    Column("resource", String(64), primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("total", BigInteger, nullable=False),
)

# What each person spent in each hour of UTC, where, and by which profile.
usage = Table(
    "usage",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("scope", String(160), primary_key=True),  # the community or workshop charged
    Column("account_id", Id, primary_key=True),  # empty for people without an account
    Column("profile", String(64), primary_key=True),  # empty for none
    Column("gpu_kind", Slug, primary_key=True),  # empty without GPUs
    Column("server_time", BigInteger, nullable=False),
    Column("cpu_time", BigInteger, nullable=False),
    Column("memory_time", BigInteger, nullable=False),
    Column("gpu_time", BigInteger, nullable=False),
    # Has all that is added up of a person at a start: the rows themselves lie far apart.
    Index(
        "ix_usage_account_id_hour",
        "account_id",
        "hour",
        "scope",
        "gpu_kind",
        "server_time",
        "cpu_time",
        "memory_time",
        "gpu_time",
    ),
    Index(None, "scope", "hour"),
)

# How far the service's timers have come, so that what ended while it was away is not missed.
marks = Table(
    "marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

# What requests were answered that may be sent twice, for a day.
kept_answers = Table(
    "kept_answers",
    metadata,
    Column("key_digest", Digest, primary_key=True),  # of who asked, and the key that they chose
    Column("account_id", Id, index=True),  # of who asked; None: a Hub user without an account
    Column("request_digest", Digest, nullable=False),
    Column("answer_sealed", Text, nullable=False),  # it may show codes
    Column("made_at", UtcDateTime, nullable=False, index=True),
)

# The last start of each person that was refused or failed; for some hours.
start_troubles = Table(
    "start_troubles",
    metadata,
    Column("hub", String(64), primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, index=True),
    Column("code", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
)

# Who asks for help in a workshop, and who comes.
hands = Table(
    "hands",
    metadata,
    Column("id", Id, primary_key=True),
    Column("community", Slug, nullable=False),
    Column("workshop", Slug, nullable=False),
    Column("site", Slug),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("question", Text),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("taken_by", Id),
    Column("taken_at", UtcDateTime),
    Column("ended_at", UtcDateTime, index=True),
    Index(
        "uq_hands_up",
        "community",
        "workshop",
        "account_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# Who was let into whose server, until when, and since when the Hub does not let them in any more.
server_accesses = Table(
    "server_accesses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hub", String(64), nullable=False),
    Column("hand_id", Id, ForeignKey("hands.id"), nullable=False, index=True),
    Column("community", Slug, nullable=False),
    Column("workshop", Slug, nullable=False),
    Column("username", Username, nullable=False),
    Column("server_name", Username, nullable=False),
    Column("owner_id", Id, nullable=False, index=True),
    Column("helper_id", Id, nullable=False, index=True),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),  # before its time
    Column("removed_at", UtcDateTime, index=True),
)

# What the staff have said of a rehearsal, whose code is an invite of that kind.
rehearsals = Table(
    "rehearsals",
    metadata,
    Column("invite_id", Id, ForeignKey("invites.id"), primary_key=True),
    Column("lesson_at", UtcDateTime),
    Column("language_at", UtcDateTime),
)

# Who was given the role that a workshop had promised, and by whom.
trainings = Table(
    "trainings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), index=True),  # None: erased since
    Column("community", Slug, nullable=False),
    Column("workshop", Slug, nullable=False),
    Column("role", Integer, nullable=False),
    Column("trained_by", Id),
    Column("at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["community", "workshop"], ["workshops.community", "workshops.slug"]),
    Index(None, "community", "at"),
)

# What was answered about workshops, without whom and without when: in the order of ids that say
# nothing, which is why SQLite must not count the rows as they come.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Id, primary_key=True),
    Column("community", Slug, nullable=False),
    Column("workshop", Slug, nullable=False),
    Column("useful", Integer, nullable=False),
    Column("followed", String(16), nullable=False),
    Column("missing", Text),
    ForeignKeyConstraint(["community", "workshop"], ["workshops.community", "workshops.slug"]),
    Index(None, "community", "workshop"),
    sqlite_with_rowid=False,
)

# That somebody has answered: nothing leads from here to an answer.
feedback_marks = Table(
    "feedback_marks",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("community", Slug, primary_key=True),
    Column("workshop", Slug, primary_key=True),
    sqlite_with_rowid=False,
)

# What a community asks for, and how it was answered, for its cohort to read.
asks = Table(
    "asks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("community", Slug, ForeignKey("communities.slug"), nullable=False),
    Column("quota", String(120), nullable=False),  # the name of a limit
    Column("amount", BigInteger, nullable=False),  # more than
    Column("had", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", UtcDateTime),
    Column("asked_by", Id, index=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", Text),
    Column("answered_for", Slug),
    Column("answered_at", UtcDateTime),
    Index(None, "community", "state"),
)

# What communities of a cohort lend to one another, read at each start beside the cohort's pool.
loans = Table(
    "loans",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cohort", Slug, nullable=False),
    Column("lender", Slug, ForeignKey("communities.slug"), nullable=False, index=True),
    Column("borrower", Slug, ForeignKey("communities.slug"), nullable=False, index=True),
    Column("resource", String(64), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),  # before its time
)

# Workshops that were held, for others of the cohort to hold: without people.
workshop_templates = Table(
    "workshop_templates",
    metadata,
    Column("id", Id, primary_key=True),
    Column("community", Slug, nullable=False),
    Column("workshop", Slug, nullable=False),
    Column("title", Text, nullable=False),
    Column("language", Tag, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("sessions", JSON, nullable=False),  # day, start, last day, end
    Column("seats", Integer),
    Column("profile", String(64)),
    Column("shared_at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["community", "workshop"], ["workshops.community", "workshops.slug"]),
    UniqueConstraint("community", "workshop"),
)

# Only ever added to: triggers refuse the rest, as they do for its links.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(160), nullable=False),
    Column("community", Slug),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("request_id", String(64)),
    Index(None, "community", "id"),
    Index(None, "community", "at", "action"),  # has all that is counted by month
)

# Each holds a stretch of the trail: the hash of its entries, and of the link before.
audit_links = Table(
    "audit_links",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_id", Integer, nullable=False),
    Column("last_id", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("hash", Digest, nullable=False),
)
