"""Every way of saying no.

A refusal is data: a stable code and what the sentence needs. It holds no sentence; `pages.refusals`
finds one in the reader's language, and the status that goes with it. Not frozen: a frozen exception
breaks inside `@contextmanager`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from .texts import LocalText


class Refusal(Exception):
    """A request that the rules turn down. `code` is stable and part of the API."""

    code: ClassVar[str]


# Codes and keys as people type them


@dataclass(eq=False)
class CodeMistyped(Refusal):
    """The check letter does not match: no table was touched."""

    code = "code.mistyped"


@dataclass(eq=False)
class KeyMistyped(Refusal):
    code = "key.mistyped"


@dataclass(eq=False)
class KeyUnknown(Refusal):
    """No account has this return key (any more)."""

    code = "key.unknown"


@dataclass(eq=False)
class KeyNotNeeded(Refusal):
    """Somebody who signs in with an account from elsewhere has no return key."""

    code = "key.not_needed"


@dataclass(eq=False)
class TooManyGuesses(Refusal):
    """More is typed on this hub than may be looked up: nothing was looked up."""

    code = "guessing.busy"
    seconds: int  # until asking again is worth while


@dataclass(eq=False)
class FormOutdated(Refusal):
    """The form was not drawn for this browser, or a day ago: it is drawn again."""

    code = "form.outdated"


@dataclass(eq=False)
class FormTooLong(Refusal):
    code = "form.too_long"


# Invites


@dataclass(eq=False)
class InviteUnknown(Refusal):
    code = "invite.unknown"


@dataclass(eq=False)
class InviteClosed(Refusal):
    code = "invite.closed"
    closed_at: datetime
    contact: str | None = None


@dataclass(eq=False)
class InviteRevoked(Refusal):
    code = "invite.revoked"
    contact: str | None = None


@dataclass(eq=False)
class InvitePaused(Refusal):
    """Nobody joins with it for the moment."""

    code = "invite.paused"
    contact: str | None = None


@dataclass(eq=False)
class InviteByHand(Refusal):
    """Each newcomer waits until somebody of the workshop admits them."""

    code = "invite.by_hand"
    contact: str | None = None


@dataclass(eq=False)
class InviteNotOpen(Refusal):
    code = "invite.not_open"
    opens_at: datetime
    zone: str = "UTC"  # in which the time is told
    contact: str | None = None


@dataclass(eq=False)
class InviteFull(Refusal):
    code = "invite.full"
    seats: int = 0
    contact: str | None = None


@dataclass(eq=False)
class HubFull(Refusal):
    """The operator's ceiling of people, or of new accounts in an hour, is reached."""

    code = "hub.full"
    contact: str | None = None


@dataclass(eq=False)
class InviteRedeemed(Refusal):
    """This person joined before and has kept the return key: sign in with that."""

    code = "invite.redeemed"
    contact: str | None = None


@dataclass(eq=False)
class InviteUnreadable(Refusal):
    """Its code was sealed with a package key that is no longer there: it opens nothing any more."""

    code = "invite.unreadable"


@dataclass(eq=False)
class InviteTimesInvalid(Refusal):
    """It would close before it opens."""

    code = "invite.times"


@dataclass(eq=False)
class BatchTooLarge(Refusal):
    """No names, or more than one batch may have."""

    code = "batch.size"
    most: int


@dataclass(eq=False)
class RoleTooHigh(Refusal):
    """Nobody grants a role above their own."""

    code = "role.too_high"
    role: str


# Lost keys


@dataclass(eq=False)
class KeyApprovalRefused(Refusal):
    """This person's key may only be renewed by somebody above."""

    code = "key_request.refused"
    needs: str  # champion or operator; upstream: there is no key to renew


@dataclass(eq=False)
class KeyRequestUnknown(Refusal):
    """No request has this number (any more)."""

    code = "key_request.unknown"


# Doubles


@dataclass(eq=False)
class NotADouble(Refusal):
    """Nobody else of this name is a learner of the workshop, or the account is more than that."""

    code = "account.not_double"


@dataclass(eq=False)
class AccountUsed(Refusal):
    """The account has had a server: there may be work in it."""

    code = "account.used"


# Names


@dataclass(eq=False)
class NameEmpty(Refusal):
    code = "name.empty"


@dataclass(eq=False)
class NameTooLong(Refusal):
    code = "name.too_long"
    limit: int  # characters


@dataclass(eq=False)
class NameUnreadable(Refusal):
    """Control characters or marks that turn the writing direction around."""

    code = "name.unreadable"


@dataclass(eq=False)
class UsernameReserved(Refusal):
    """The Hub already knows this username as somebody else."""

    code = "username.reserved"


# The upstream Authenticator, and links to it


@dataclass(eq=False)
class UpstreamFailed(Refusal):
    """The other way to sign in did not answer, or not with a person."""

    code = "upstream.failed"


@dataclass(eq=False)
class UsernameUnusable(Refusal):
    """Upstream knows the person by a name that the Hub cannot have."""

    code = "username.unusable"


@dataclass(eq=False)
class IntentExpired(Refusal):
    """What was begun before the way through upstream is not known any more."""

    code = "sign_in.expired"


@dataclass(eq=False)
class ProofNeeded(Refusal):
    """Whoever is signed in has not shown lately who they are, and this gives power away."""

    code = "proof.needed"


@dataclass(eq=False)
class IdentityLinked(Refusal):
    """It opens another account already."""

    code = "identity.linked"


@dataclass(eq=False)
class IdentityHasFiles(Refusal):
    """It has servers or files of its own here, which a link would hide."""

    code = "identity.has_files"


@dataclass(eq=False)
class LinkNotPossible(Refusal):
    """This account and that identity are the same already."""

    code = "identity.same"


@dataclass(eq=False)
class UnlinkNeedsKey(Refusal):
    """Without a kept return key nothing would open the account any more."""

    code = "identity.needs_key"


# People and what they may do


@dataclass(eq=False)
class AccessEnded(Refusal):
    """All of this person's grants have lapsed."""

    code = "access.ended"
    contact: str | None = None


@dataclass(eq=False)
class AccessBlocked(Refusal):
    """The operator has blocked this person."""

    code = "access.blocked"
    contact: str | None = None


@dataclass(eq=False)
class AccessErased(Refusal):
    """The account is being erased."""

    code = "access.erased"


@dataclass(eq=False)
class CommunitySuspended(Refusal):
    """The operator has suspended the community: what it gave opens nothing meanwhile."""

    code = "community.suspended"
    contact: str | None = None


@dataclass(eq=False)
class OutsideCommunities(Refusal):
    """This hub is for people of its communities only."""

    code = "access.outside"


@dataclass(eq=False)
class OneServerInGrace(Refusal):
    """In the days after the end of access one server is enough to take files along."""

    code = "access.one_server"


@dataclass(eq=False)
class ErasureNotYours(Refusal):
    """The account is more than this community's: its person or the operator decides."""

    code = "erasure.not_yours"


@dataclass(eq=False)
class NotConfirmed(Refusal):
    """What was typed to confirm is not what was asked for."""

    code = "erasure.not_confirmed"


@dataclass(eq=False)
class PermissionDenied(Refusal):
    code = "permission.denied"
    needs: str  # the lowest role that may


@dataclass(eq=False)
class NotFound(Refusal):
    """There is no such thing, or none that this person may know of."""

    code = "not_found"
    kind: str  # community, workshop, invite, member, offer, resource


@dataclass(eq=False)
class LastChampion(Refusal):
    code = "community.last_champion"


@dataclass(eq=False)
class Declared(Refusal):
    """The operator's file names this: it is read-only on the pages."""

    code = "declared"


@dataclass(eq=False)
class UsernameInvalid(Refusal):
    """Nobody on a Hub can be called so."""

    code = "username.invalid"


@dataclass(eq=False)
class TooManyOffers(Refusal):
    """So many people have yet to answer what the community offers them."""

    code = "offer.too_many"
    most: int


@dataclass(eq=False)
class CommunityNamesInvalid(Refusal):
    """It has no name, or one that is too long or cannot be shown."""

    code = "community.names"
    limit: int  # characters


@dataclass(eq=False)
class ContactInvalid(Refusal):
    code = "community.contact"
    limit: int  # characters


@dataclass(eq=False)
class RetentionInvalid(Refusal):
    code = "community.retention"
    most: int  # days


@dataclass(eq=False)
class CommunitySlugInvalid(Refusal):
    """No short name that can stand in addresses and groups."""

    code = "community.slug"
    limit: int  # characters


@dataclass(eq=False)
class GroupTaken(Refusal):
    """The Hub has a group that the community's would be mistaken for."""

    code = "group.taken"
    name: str


# Workshops


@dataclass(eq=False)
class TitleInvalid(Refusal):
    code = "workshop.title"
    limit: int  # characters


@dataclass(eq=False)
class SlugTaken(Refusal):
    code = "slug.taken"
    slug: str


@dataclass(eq=False)
class SessionsInvalid(Refusal):
    """A session ends before it starts, or there is none."""

    code = "workshop.sessions"


@dataclass(eq=False)
class SeatsInvalid(Refusal):
    code = "workshop.seats"
    most: int


@dataclass(eq=False)
class SeatsTaken(Refusal):
    """A workshop cannot have fewer seats than are taken."""

    code = "workshop.seats_taken"
    taken: int


@dataclass(eq=False)
class MessageInvalid(Refusal):
    """Too long, or with characters that cannot be shown."""

    code = "workshop.message"
    limit: int


@dataclass(eq=False)
class NothingPromised(Refusal):
    """The workshop promises no role to those who complete it."""

    code = "workshop.no_promise"


@dataclass(eq=False)
class CountryUnknown(Refusal):
    """No country has this code of two letters."""

    code = "country.unknown"
    text: str


@dataclass(eq=False)
class FeedbackClosed(Refusal):
    """The questions about the workshop are not asked yet, or not any more."""

    code = "feedback.closed"


@dataclass(eq=False)
class FeedbackGiven(Refusal):
    """The person has answered them. Which answer is theirs nobody can tell."""

    code = "feedback.given"


@dataclass(eq=False)
class FeedbackTextInvalid(Refusal):
    """Too long, or with characters that cannot be shown."""

    code = "feedback.text"
    limit: int


@dataclass(eq=False)
class VersionOutdated(Refusal):
    """It has changed since the version that the request names was looked at. Nothing was done."""

    code = "version.outdated"


@dataclass(eq=False)
class TooManySites(Refusal):
    code = "workshop.sites"
    most: int


@dataclass(eq=False)
class NamesUnreadable(Refusal):
    """The file of names cannot be read as text, or has no column of names."""

    code = "names.unreadable"


@dataclass(eq=False)
class NamesInvalid(Refusal):
    """Some names of a list cannot be used: none of them was taken."""

    code = "names.invalid"
    lines: tuple[int, ...]  # where they stand, from 1
    most: int | None = None  # that a list may have, where there are more


@dataclass(eq=False)
class LanguageInvalid(Refusal):
    code = "language.unknown"
    tag: str


@dataclass(eq=False)
class ZoneInvalid(Refusal):
    code = "zone.unknown"
    zone: str


@dataclass(eq=False)
class WorkshopClosed(Refusal):
    code = "workshop.closed"


# Help


@dataclass(eq=False)
class QuestionInvalid(Refusal):
    """Too long, or with characters that cannot be shown."""

    code = "help.question"
    limit: int


@dataclass(eq=False)
class HandTaken(Refusal):
    """Somebody else of the staff comes already."""

    code = "help.taken"
    name: str


@dataclass(eq=False)
class NobodyComes(Refusal):
    """There is nobody yet to whom access could be given."""

    code = "help.nobody"


@dataclass(eq=False)
class AccessNotOffered(Refusal):
    """Servers share the service's host here: nobody opens another person's."""

    code = "help.not_offered"


@dataclass(eq=False)
class AccessMinutesInvalid(Refusal):
    """Access is given for one of these numbers of minutes."""

    code = "help.minutes"
    choices: tuple[str, ...]


@dataclass(eq=False)
class ServerNotThere(Refusal):
    """The person has no server that is charged to this workshop."""

    code = "server.none"


# Profiles and quotas


@dataclass(eq=False)
class ProfileUnknown(Refusal):
    code = "profile.unknown"


@dataclass(eq=False)
class ProfileNotOffered(Refusal):
    """The profile exists, but not for this person."""

    code = "profile.not_offered"


@dataclass(eq=False)
class NoProfileOffered(Refusal):
    """There are profiles, and each is for others: a server without one would go around them."""

    code = "profile.none_offered"


@dataclass(eq=False)
class OptionNotOffered(Refusal):
    """The profile is theirs, this choice within it is not, or is no more."""

    code = "profile.option_not_offered"


@dataclass(eq=False)
class ImageNotAllowed(Refusal):
    """The image that the person named is none of those that the operator allows."""

    code = "profile.image_not_allowed"


@dataclass(eq=False)
class ScopeNotYours(Refusal):
    """The person asked to start on a community's or workshop's quota without belonging to it."""

    code = "quota.not_yours"


# What makes room below a limit: that somebody stops a server, of a person's own limit that they do;
# only that time passes; or neither.
Help = Literal["stop", "time", "nothing"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit that a request would break, in base units of the resource."""

    scope: str  # hub, cohort, community, workshop, member
    name: str  # what people call the scope
    resource: str
    limit: int
    held: int  # or spent, in the limit's window
    wanted: int
    reserved: int = 0  # for others, for the time of their sessions
    helps: Help = "stop"

    @property
    def left(self) -> int:
        return max(0, self.limit - self.held - self.reserved)


@dataclass(eq=False)
class QuotaExceeded(Refusal):
    code = "quota.exceeded"
    violations: tuple[Violation, ...]
    earliest: datetime | None = None  # when the same passes; None: when somebody stops
    never: bool = False  # it is larger than a limit: waiting is no use
    zone: str = "UTC"  # in which the time is told
    largest: LocalText | None = None  # names of the largest profile that would start now
    offers_rescue: bool = False  # a small server to save or delete files would start all the same


@dataclass(eq=False)
class OthersInLine(Refusal):
    """Other people wait until their servers can be started: nobody gets past them."""

    code = "line.others"


@dataclass(eq=False)
class ReservationTooLarge(Refusal):
    """The community does not own as much as its workshops would have reserved at one time."""

    code = "reservation.too_large"
    resource: str
    left: int  # in base units, over the session
    wanted: int
    starts_at: datetime  # the session's
    zone: str = "UTC"  # in which the time is told


@dataclass(eq=False)
class ReservationNeeds(Refusal):
    """It is not known for how many people, or how large each one's server is."""

    code = "reservation.needs"


@dataclass(eq=False)
class OneRescueServer(Refusal):
    """Over quota there is one server to save files with, and the person has it already."""

    code = "quota.one_rescue"


@dataclass(eq=False)
class AmountInvalid(Refusal):
    """What was typed is no amount of this resource."""

    code = "quota.amount"
    example: str


@dataclass(eq=False)
class LimitUnknown(Refusal):
    """There is no limit of this name, at this scope."""

    code = "quota.limit"
    name: str


@dataclass(eq=False)
class LimitRepeated(Refusal):
    """The same limit was given twice, perhaps in two spellings."""

    code = "quota.repeated"
    name: str


@dataclass(eq=False)
class NotInCohort(Refusal):
    """The community belongs to no cohort, or the other one to another."""

    code = "cohort.none"


@dataclass(eq=False)
class ReasonInvalid(Refusal):
    """A reason or an answer is missing, too long or unprintable."""

    code = "ask.text"
    limit: int  # characters


@dataclass(eq=False)
class TooManyAsks(Refusal):
    code = "ask.too_many"
    most: int  # that are open


@dataclass(eq=False)
class AskAnswered(Refusal):
    """What was asked for was answered or withdrawn before."""

    code = "ask.answered"


@dataclass(eq=False)
class AskIsDated(Refusal):
    """What is wanted until a day is lent; limits last."""

    code = "ask.dated"


@dataclass(eq=False)
class AskInFile(Refusal):
    """The operator's file says the limit: it is raised there, and then the answer can be given."""

    code = "ask.in_file"
    name: str  # of the limit, as the file has it
    value: str  # that it would have to have


@dataclass(eq=False)
class AskElsewhere(Refusal):
    """A loan that is given for an ask is of the same resource, to the community that asked."""

    code = "ask.elsewhere"


@dataclass(eq=False)
class LoanTimesInvalid(Refusal):
    """A loan ends before it starts, is over, or is too long or too far away."""

    code = "loan.times"
    days: int  # the longest


@dataclass(eq=False)
class LoanNotPossible(Refusal):
    """It is not held but spent, or one of the two owns nothing of it."""

    code = "loan.resource"


@dataclass(eq=False)
class LoanTooLarge(Refusal):
    """More than the lender has left at some moment, beside its reservations and other loans."""

    code = "loan.too_large"
    resource: str
    left: int


@dataclass(eq=False)
class LoanUnusable(Refusal):
    """The borrower may not hold so much: a limit of its own stands beside what it owns."""

    code = "loan.unusable"
    resource: str
    most: int  # that limit
    left: int  # of it, beside what it owns and has on loan


@dataclass(eq=False)
class TooManyLoans(Refusal):
    code = "loan.too_many"
    most: int  # of one community, that are not over


@dataclass(eq=False)
class LoanBegun(Refusal):
    """Who lends takes nothing back once it has begun."""

    code = "loan.begun"


@dataclass(eq=False)
class WorkshopNotOver(Refusal):
    """Only a workshop that was held is shared as a template."""

    code = "template.not_over"


@dataclass(eq=False)
class TemplateShared(Refusal):
    """The workshop is shared already, or the community shares as many as it may."""

    code = "template.too_many"
    most: int


@dataclass(eq=False)
class TemplateProfile(Refusal):
    """The template's profile is not offered where it is used."""

    code = "template.profile"
    profile: LocalText


@dataclass(eq=False)
class PeriodInvalid(Refusal):
    """The time that is asked for is too long, or none."""

    code = "usage.period"
    most: int  # days


@dataclass(eq=False)
class PeriodBackwards(Refusal):
    """The time that is asked for ends before it begins."""

    code = "usage.backwards"


@dataclass(eq=False)
class DateInvalid(Refusal):
    """What was written is no day."""

    code = "usage.date"
    text: str


@dataclass(eq=False)
class ChoiceInvalid(Refusal):
    """What was written is none of the things that can be chosen."""

    code = "usage.choice"
    name: str  # of what is chosen, as the API calls it
    choices: tuple[str, ...]


@dataclass(eq=False)
class HistoryTooLong(Refusal):
    """There were too many starts in that time to be replayed."""

    code = "usage.too_many"
    most: int  # starts


# Requests to the API


@dataclass(eq=False)
class IdempotencyKeyReused(Refusal):
    """The same person sent another request with this key within a day."""

    code = "idempotency.reused"


@dataclass(eq=False)
class PageInvalid(Refusal):
    """`limit` is no number that may be asked for, or `after` is not of this list."""

    code = "page.invalid"
    most: int  # entries of a page


# Storage


@dataclass(eq=False)
class StorageUnreachable(Refusal):
    """The database did not answer in time."""

    code = "storage.unreachable"


@dataclass(eq=False)
class TextNotKept(Refusal):
    """Longer than the database has room for, or with characters that it does not keep."""

    code = "text.not_kept"


def all_refusals() -> list[type[Refusal]]:
    """Every refusal there is, for the tables that must know them all."""
    return sorted(Refusal.__subclasses__(), key=lambda kind: kind.code)
