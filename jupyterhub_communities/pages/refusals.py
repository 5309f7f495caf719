"""Refusals at the edge: the status of each, and its sentence in the reader's language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..domain.refusals import Refusal
from ..domain.texts import in_language
from ..i18n.messages import Messages
from .quotas import amount_in_words, quota_exceeded, reservation_too_large

_MOST_LINES = 20  # that are told one by one

STATUS: dict[str, int] = {
    "access.blocked": 403,
    "access.ended": 403,
    "access.erased": 403,
    "access.one_server": 409,
    "access.outside": 403,
    "account.not_double": 409,
    "account.used": 409,
    "ask.answered": 409,
    "ask.dated": 409,
    "ask.elsewhere": 409,
    "ask.in_file": 409,
    "ask.text": 400,
    "ask.too_many": 409,
    "batch.size": 400,
    "code.mistyped": 400,
    "cohort.none": 409,
    "community.contact": 400,
    "community.last_champion": 409,
    "community.names": 400,
    "community.retention": 400,
    "community.slug": 400,
    "community.suspended": 403,
    "country.unknown": 400,
    "declared": 409,
    "erasure.not_confirmed": 400,
    "erasure.not_yours": 403,
    "feedback.closed": 409,
    "feedback.given": 409,
    "feedback.text": 400,
    "form.outdated": 400,
    "form.too_long": 413,
    "group.taken": 409,
    "guessing.busy": 429,
    "help.minutes": 400,
    "help.nobody": 409,
    "help.not_offered": 403,
    "help.question": 400,
    "help.taken": 409,
    "hub.full": 409,
    "idempotency.reused": 422,
    "identity.has_files": 409,
    "identity.linked": 409,
    "identity.needs_key": 409,
    "identity.same": 409,
    "invite.by_hand": 403,
    "invite.closed": 403,
    "invite.full": 409,
    "invite.not_open": 403,
    "invite.paused": 403,
    "invite.redeemed": 403,
    "invite.revoked": 403,
    "invite.times": 400,
    "invite.unknown": 403,
    "invite.unreadable": 409,
    "key.mistyped": 400,
    "key_request.refused": 403,
    "key_request.unknown": 404,
    "key.unknown": 403,
    "key.not_needed": 409,
    "language.unknown": 400,
    "line.others": 429,
    "loan.begun": 409,
    "loan.resource": 409,
    "loan.times": 400,
    "loan.too_large": 409,
    "loan.unusable": 409,
    "loan.too_many": 409,
    "name.empty": 400,
    "name.too_long": 400,
    "name.unreadable": 400,
    "names.invalid": 400,
    "names.unreadable": 400,
    "not_found": 404,
    "offer.too_many": 409,
    "page.invalid": 400,
    "permission.denied": 403,
    "profile.none_offered": 403,
    "profile.not_offered": 403,
    "profile.option_not_offered": 403,
    "profile.image_not_allowed": 403,
    "profile.unknown": 400,
    "proof.needed": 403,
    "quota.amount": 400,
    "quota.exceeded": 429,
    "quota.limit": 400,
    "quota.repeated": 400,
    "quota.not_yours": 403,
    "quota.one_rescue": 409,
    "reservation.needs": 400,
    "reservation.too_large": 409,
    "role.too_high": 403,
    "server.none": 409,
    "sign_in.expired": 403,
    "slug.taken": 409,
    "storage.unreachable": 503,
    "template.not_over": 409,
    "template.profile": 409,
    "template.too_many": 409,
    "text.not_kept": 400,
    "upstream.failed": 502,
    "usage.backwards": 400,
    "usage.choice": 400,
    "usage.date": 400,
    "usage.period": 400,
    "usage.too_many": 400,
    "username.invalid": 400,
    "username.reserved": 403,
    "username.unusable": 403,
    "version.outdated": 412,
    "workshop.closed": 409,
    "workshop.message": 400,
    "workshop.no_promise": 409,
    "workshop.seats": 400,
    "workshop.seats_taken": 409,
    "workshop.sessions": 400,
    "workshop.sites": 409,
    "workshop.title": 400,
    "zone.unknown": 400,
}


def status_of(refusal: Refusal) -> int:
    """The HTTP status that goes with a refusal."""
    return STATUS[refusal.code]


def sentence_of(refusal: Refusal, messages: Messages) -> str:
    """What the reader is told, with the community's contact where there is one."""
    sentence = _SENTENCES[refusal.code](refusal, messages)
    contact = getattr(refusal, "contact", None)
    if contact:
        sentence += " " + messages.gettext("You can ask: %(contact)s", contact=contact)
    return sentence


def grace_sentence(until: datetime, messages: Messages) -> str:
    """What somebody is told in the days after the end of their access."""
    return messages.gettext(
        "Your access has ended. Until %(day)s you may still start one server and take your files "
        "along.",
        day=messages.date(until),
    )


def _not_valid(refusal: Any, messages: Messages) -> str:
    # One sentence for a code that is unknown, closed or revoked: a stranger learns nothing more.
    return messages.gettext("This code is not valid any more.")


def _not_found(refusal: Any, messages: Messages) -> str:
    sentences = {
        "community": messages.gettext("There is no such community, or you do not belong to it."),
        "workshop": messages.gettext("There is no such workshop, or it is not open to you."),
        "invite": messages.gettext("There is no such invite."),
        "site": messages.gettext("There is no such site."),
        "ticket": messages.gettext("This person is no longer on the waiting list."),
        "person": messages.gettext("Nobody here has this username."),
        "hand": messages.gettext("This person does not ask for help any more."),
        "rehearsal": messages.gettext("No rehearsal goes on."),
        "offer": messages.gettext("This offer was answered or taken back, or its time is over."),
        "cohort": messages.gettext("There is no such cohort, or you do not belong to it."),
        "ask": messages.gettext("Nothing of this kind was asked for here."),
        "loan": messages.gettext("There is no such loan here."),
        "template": messages.gettext("This workshop is not shared any more."),
        "member": messages.gettext("Nobody of that name belongs to this community."),
    }
    return sentences.get(refusal.kind) or messages.gettext("This does not exist.")


def _permission_denied(refusal: Any, messages: Messages) -> str:
    sentences = {
        "helper": messages.gettext("The workshop's helpers may do this."),
        "instructor": messages.gettext("The community's instructors may do this."),
        "champion": messages.gettext("The community's champions may do this."),
        "operator": messages.gettext("Only the operator of this hub may do this."),
    }
    return sentences.get(refusal.needs) or messages.gettext("You may not do this.")


def _key_refused(refusal: Any, messages: Messages) -> str:
    if refusal.needs == "upstream":
        return messages.gettext(
            "This person has no return key: they sign in with another account of this hub."
        )
    if refusal.needs == "champion":
        return messages.gettext("Only a champion of this person's community may do this.")
    return messages.gettext("Only the operator of this hub may do this.")


def _names_invalid(refusal: Any, messages: Messages) -> str:
    lines = [messages.number(number) for number in refusal.lines[:_MOST_LINES]]
    if len(refusal.lines) > _MOST_LINES:
        lines.append("…")
    sentence = messages.ngettext(
        "The name in line %(lines)s cannot be used. No code was made.",
        "The names in lines %(lines)s cannot be used. No code was made.",
        len(refusal.lines),
        lines=messages.listing(lines),
    )
    if refusal.most is not None:
        sentence += " " + messages.gettext(
            "Please give between one and %(most)s names.", most=refusal.most
        )
    return sentence


def _not_open(refusal: Any, messages: Messages) -> str:
    return messages.gettext(
        "This code opens on %(time)s.", time=messages.datetime(refusal.opens_at, refusal.zone)
    )


def _loan_unusable(refusal: Any, messages: Messages) -> str:
    most = amount_in_words(refusal.resource, refusal.most, messages)
    if refusal.left == 0:
        return messages.gettext(
            "The other community may have %(most)s at one time and has that already, so a loan would "
            "be of no use to it. The operator can raise that limit.",
            most=most,
        )
    return messages.gettext(
        "The other community may have %(most)s at one time, so it could use %(left)s of a loan. The "
        "operator can raise that limit.",
        most=most,
        left=amount_in_words(refusal.resource, refusal.left, messages),
    )


_SENTENCES: dict[str, Callable[[Any, Messages], str]] = {
    "access.blocked": lambda _, m: m.gettext("The operator of this hub has blocked your account."),
    "access.ended": lambda _, m: m.gettext("Your access has ended."),
    "access.erased": lambda _, m: m.gettext("This account is being erased."),
    "access.one_server": lambda _, m: m.gettext(
        "Your access has ended. You may run one server at a time to take your files along: stop the "
        "other one first."
    ),
    "access.outside": lambda _, m: m.gettext(
        "This hub is for the people of its communities. Ask yours for a code."
    ),
    "account.not_double": lambda _, m: m.gettext(
        "Only an account that somebody made twice can be retired here."
    ),
    "account.used": lambda _, m: m.gettext(
        "This account has had a server, and there may be work in it. It cannot be retired."
    ),
    "batch.size": lambda r, m: m.gettext(
        "Please give between one and %(most)s names.", most=r.most
    ),
    "code.mistyped": lambda _, m: m.gettext(
        "This code is mistyped. Please compare it letter by letter."
    ),
    "community.contact": lambda r, m: m.gettext(
        "Please write a contact of at most %(limit)s characters that can be shown.", limit=r.limit
    ),
    "community.last_champion": lambda _, m: m.gettext(
        "A community needs at least one champion. Appoint another one first."
    ),
    "community.names": lambda r, m: m.gettext(
        "Please write a name in at least one language, of at most %(limit)s characters.",
        limit=r.limit,
    ),
    "community.retention": lambda r, m: m.gettext(
        "Please give a number from 1 to %(most)s.", most=r.most
    ),
    "community.slug": lambda r, m: m.gettext(
        "Please write a short name of small letters, digits and hyphens, of at most %(limit)s "
        "characters.",
        limit=r.limit,
    ),
    "community.suspended": lambda _, m: m.gettext(
        "Your community is suspended for now. Nothing of yours is lost."
    ),
    "country.unknown": lambda r, m: m.gettext(
        "%(text)s is no country. Please write its two letters, such as %(example)s.",
        text=r.text,
        example="PE",
    ),
    "declared": lambda _, m: m.gettext("The operator of this hub decides this."),
    "erasure.not_confirmed": lambda _, m: m.gettext(
        "This is not your username. Nothing was erased."
    ),
    "erasure.not_yours": lambda _, m: m.gettext(
        "Only this person or the operator of this hub may erase this account."
    ),
    "feedback.closed": lambda _, m: m.gettext(
        "These questions can be answered for 14 days after the workshop."
    ),
    "feedback.given": lambda _, m: m.gettext("You have answered these questions already."),
    "feedback.text": lambda r, m: m.gettext(
        "Please write at most %(limit)s characters that can be shown.", limit=r.limit
    ),
    "form.outdated": lambda _, m: m.gettext("Please send the form once more."),
    "form.too_long": lambda _, m: m.gettext("This text is too long. Please send a shorter one."),
    "group.taken": lambda r, m: m.gettext(
        "The hub has a group called %(name)s already: its people would become members. Choose another "
        "short name.",
        name=r.name,
    ),
    "guessing.busy": lambda r, m: m.ngettext(
        "Many people are typing codes and keys just now. Nothing was lost: "
        "please try again in %(num)s second.",
        "Many people are typing codes and keys just now. Nothing was lost: "
        "please try again in %(num)s seconds.",
        r.seconds,
    ),
    "hub.full": lambda _, m: m.gettext(
        "This hub takes no more people just now. Please try again later."
    ),
    "idempotency.reused": lambda _, m: m.gettext(
        "Another request was sent with this Idempotency-Key before. Please use a new one for each "
        "request."
    ),
    "identity.has_files": lambda _, m: m.gettext(
        "That account already has files of its own on this hub, so it cannot be linked."
    ),
    "identity.linked": lambda _, m: m.gettext("That account already opens another account here."),
    "identity.needs_key": lambda _, m: m.gettext(
        "Keep your return key first: without it you could not come back."
    ),
    "identity.same": lambda _, m: m.gettext("There is nothing to link: this is the same account."),
    "invite.by_hand": lambda _, m: m.gettext("Somebody of the workshop has to let you in."),
    "invite.closed": _not_valid,
    "invite.full": lambda _, m: m.gettext("All seats are taken."),
    "invite.not_open": _not_open,
    "invite.paused": lambda _, m: m.gettext("Nobody can join with this code just now."),
    "invite.redeemed": lambda _, m: m.gettext(
        "You have joined with this code before. Sign in with your return key."
    ),
    "invite.revoked": _not_valid,
    "invite.times": lambda _, m: m.gettext("A code must close after it opens."),
    "invite.unknown": _not_valid,
    "invite.unreadable": lambda _, m: m.gettext(
        "This code cannot be shown any more. Please make a new one."
    ),
    "key.mistyped": lambda _, m: m.gettext(
        "This return key is mistyped. Please compare it letter by letter."
    ),
    "key_request.refused": _key_refused,
    "key_request.unknown": lambda _, m: m.gettext(
        "This number is wrong or not valid any more. Please compare it, or let the person press "
        "“I lost my key” again."
    ),
    "key.unknown": lambda _, m: m.gettext("This return key is not valid."),
    "key.not_needed": lambda _, m: m.gettext(
        "You sign in with an account that you have elsewhere: there is no return key to replace."
    ),
    "language.unknown": lambda r, m: m.gettext("%(tag)s is not a language tag.", tag=r.tag),
    "line.others": lambda _, m: m.gettext(
        "Other people are in line for a server. Please try again in a minute."
    ),
    "name.empty": lambda _, m: m.gettext("Please write your name."),
    "name.too_long": lambda r, m: m.gettext(
        "Please write a shorter name: at most %(limit)s characters.", limit=r.limit
    ),
    "ask.answered": lambda _, m: m.gettext("This was answered or withdrawn before."),
    "ask.dated": lambda _, m: m.gettext(
        "Limits last. What is wanted until a day is lent by another community: servers, memory and "
        "the like, but no hours."
    ),
    "ask.elsewhere": lambda _, m: m.gettext(
        "The community has asked for something else. Lend it what it asked for, or lend without an "
        "answer."
    ),
    "ask.in_file": lambda r, m: m.gettext(
        "The operator’s file says this limit. Write there for this community: %(setting)s. Then apply it, and "
        "grant this.",
        setting=": ".join((r.name, r.value)),
    ),
    "ask.text": lambda r, m: m.gettext(
        "Please write a text of 1 to %(limit)s characters that can be shown.", limit=r.limit
    ),
    "ask.too_many": lambda r, m: m.gettext(
        "The community has asked for as much as it may: %(most)s. Withdraw something first.",
        most=r.most,
    ),
    "cohort.none": lambda _, m: m.gettext(
        "These communities are not in one cohort now, or one of them is suspended."
    ),
    "loan.begun": lambda _, m: m.gettext(
        "This loan has begun. Only the community that has it can give it back, or the operator can "
        "take it back."
    ),
    "loan.resource": lambda _, m: m.gettext(
        "This cannot be lent: both communities must own some of it, and hours are not lent."
    ),
    "loan.times": lambda r, m: m.ngettext(
        "A loan must end after it starts and after now, and last at most %(num)s day.",
        "A loan must end after it starts and after now, and last at most %(num)s days.",
        r.days,
    ),
    "loan.too_large": lambda r, m: m.gettext(
        "In these hours the community can lend %(left)s: the rest is reserved for its workshops, lent "
        "already, or not to be lent.",
        left=amount_in_words(r.resource, r.left, m),
    ),
    "loan.unusable": _loan_unusable,
    "loan.too_many": lambda r, m: m.gettext(
        "The community lends as often as it may: %(most)s. Take something back first.", most=r.most
    ),
    "template.not_over": lambda _, m: m.gettext("Only a workshop that is over can be shared."),
    "template.profile": lambda r, m: m.gettext(
        "Its profile %(profile)s is not offered in your community. Choose another one, or ask the "
        "operator.",
        profile=in_language(r.profile, m.tag),
    ),
    "template.too_many": lambda r, m: m.gettext(
        "This workshop is shared already, or the community shares as many as it may: %(most)s.",
        most=r.most,
    ),
    "name.unreadable": lambda _, m: m.gettext(
        "This name has characters that cannot be shown. Please write it again."
    ),
    "names.invalid": _names_invalid,
    "names.unreadable": lambda _, m: m.gettext(
        "This file cannot be read. Please save it as CSV with one name in each line."
    ),
    "not_found": _not_found,
    "offer.too_many": lambda r, m: m.gettext(
        "As many offers are open as there may be: %(most)s. Take some of them back first.",
        most=r.most,
    ),
    "page.invalid": lambda r, m: m.gettext(
        "Please ask for 1 to %(most)s entries at a time, and follow the link to the next ones.",
        most=r.most,
    ),
    "permission.denied": _permission_denied,
    "profile.none_offered": lambda _, m: m.gettext(
        "No profile is offered to you here, so no server was started."
    ),
    "profile.not_offered": lambda _, m: m.gettext("This profile is not offered to you."),
    "profile.option_not_offered": lambda _, m: m.gettext(
        "This choice is not offered here. Choose another one."
    ),
    "profile.image_not_allowed": lambda _, m: m.gettext("This image is not allowed here."),
    "profile.unknown": lambda _, m: m.gettext("There is no such profile."),
    "proof.needed": lambda _, m: m.gettext("Please show once more who you are: sign in again."),
    "quota.amount": lambda r, m: m.gettext(
        "Please write an amount such as %(example)s.", example=r.example
    ),
    "quota.exceeded": quota_exceeded,
    "quota.limit": lambda r, m: m.gettext("There is no limit called %(name)s here.", name=r.name),
    "quota.repeated": lambda r, m: m.gettext("The limit %(name)s stands here twice.", name=r.name),
    "quota.not_yours": lambda _, m: m.gettext(
        "You do not belong to the community or workshop that you chose."
    ),
    "quota.one_rescue": lambda _, m: m.gettext(
        "Your small server for saving or deleting files runs already: you may have one at a time."
    ),
    "reservation.needs": lambda _, m: m.gettext(
        "To keep servers for everybody, please give the number of seats and the profile."
    ),
    "reservation.too_large": reservation_too_large,
    "role.too_high": lambda _, m: m.gettext("You cannot give a role above your own."),
    "sign_in.expired": lambda _, m: m.gettext("This took too long. Please begin again."),
    "slug.taken": lambda r, m: m.gettext("The short name %(slug)s is taken.", slug=r.slug),
    "storage.unreachable": lambda _, m: m.gettext(
        "The hub is busy. Nothing was lost: please try again in a minute."
    ),
    "text.not_kept": lambda _, m: m.gettext(
        "This text is too long, or has characters that cannot be kept."
    ),
    "upstream.failed": lambda _, m: m.gettext(
        "The other service did not answer as expected. Please try again in a few minutes."
    ),
    "usage.backwards": lambda _, m: m.gettext("The first day must not be after the last one."),
    "usage.choice": lambda r, m: m.gettext(
        "%(field)s must be one of: %(choices)s.", field=r.name, choices=", ".join(r.choices)
    ),
    "usage.date": lambda r, m: m.gettext(
        "This is no day: %(text)s. Please write a day as in %(example)s.",
        text=r.text,
        example="2026-03-31",
    ),
    "usage.period": lambda r, m: m.ngettext(
        "Please choose at most %(num)s day.", "Please choose from 1 to %(num)s days.", r.most
    ),
    "usage.too_many": lambda r, m: m.ngettext(
        "There was more than %(num)s start in that time. Please choose fewer days.",
        "There were more than %(num)s starts in that time. Please choose fewer days.",
        r.most,
    ),
    "username.unusable": lambda _, m: m.gettext(
        "Your account there has a name that cannot be used on this hub."
    ),
    "username.invalid": lambda _, m: m.gettext("Please write a username of this hub."),
    "username.reserved": lambda _, m: m.gettext("This username belongs to somebody else."),
    "version.outdated": lambda _, m: m.gettext(
        "This has changed since you looked at it. Nothing was done: please look at it again."
    ),
    "help.minutes": lambda r, m: m.gettext(
        "Please choose one of these numbers of minutes: %(choices)s.", choices=", ".join(r.choices)
    ),
    "help.nobody": lambda _, m: m.gettext("Nobody is coming yet to whom you could give access."),
    "help.not_offered": lambda _, m: m.gettext(
        "On this hub nobody can open another person’s server."
    ),
    "help.question": lambda r, m: m.gettext(
        "Please write at most %(limit)s characters that can be shown.", limit=r.limit
    ),
    "help.taken": lambda r, m: m.gettext("%(name)s is coming already.", name=r.name),
    "server.none": lambda _, m: m.gettext("No server of this workshop is running for this person."),
    "workshop.closed": lambda _, m: m.gettext("This workshop is over."),
    "workshop.message": lambda r, m: m.gettext(
        "Please write a message of at most %(limit)s characters that can be shown.", limit=r.limit
    ),
    "workshop.no_promise": lambda _, m: m.gettext(
        "This workshop promises no role. Choose one first."
    ),
    "workshop.seats_taken": lambda r, m: m.ngettext(
        "%(num)s seat is taken already. Please give at least as many.",
        "%(num)s seats are taken already. Please give at least as many.",
        r.taken,
    ),
    "workshop.seats": lambda r, m: m.gettext(
        "Please give a number from 1 to %(most)s.", most=r.most
    ),
    "workshop.sessions": lambda _, m: m.gettext(
        "Each session must end after it starts, and sessions must not overlap."
    ),
    "workshop.sites": lambda r, m: m.gettext("A workshop has at most %(most)s sites.", most=r.most),
    "workshop.title": lambda r, m: m.gettext(
        "Please write a title of at most %(limit)s characters.", limit=r.limit
    ),
    "zone.unknown": lambda r, m: m.gettext("%(zone)s is not a time zone.", zone=r.zone),
}
