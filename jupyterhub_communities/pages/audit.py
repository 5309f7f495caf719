"""The audit trail in words: who, what, about whom, and what became different."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..application.trail import Trail, account_in
from ..domain.audit import AuditEntry
from ..domain.texts import in_language
from ..i18n.messages import N_, Messages
from .quotas import amounts_in_words

# TRANSLATORS: What was done, one short sentence each: in a list to choose from, and in a table beside
# who did it and to whom or what.
SENTENCES = {
    "account:block": N_("A person was blocked."),
    "account:erase": N_("The erasure of a person began."),
    "account:erased": N_("A person was erased."),
    "account:language": N_("A language was chosen."),
    "account:retire": N_("A double account was retired."),
    "account:sign-out": N_("A person signed out everywhere."),
    "account:unblock": N_("A person was unblocked."),
    "champion:name": N_("A champion agreed to be named to everybody, or no longer."),
    "community:apply": N_("The operator’s file changed the community."),
    "community:archive": N_("The community was archived."),
    "community:change": N_("The community’s settings were changed."),
    "community:create": N_("The community was founded."),
    "community:hand-over": N_("A champion handed over."),
    "community:publish": N_("The community showed its numbers to everybody, or no longer."),
    "community:resume": N_("The community was opened again."),
    "community:suspend": N_("The community was suspended."),
    "erasure:plan": N_("The erasure of a person was planned."),
    "erasure:stop": N_("A planned erasure was stopped."),
    "erasure:withdraw": N_("A planned erasure was withdrawn."),
    "grant:end": N_("Access that a code had given was ended."),
    "help:answer": N_("Somebody came to help."),
    "help:ask": N_("Somebody asked for help."),
    "help:end": N_("A request for help ended."),
    "help:end-access": N_("Access to a server ended."),
    "help:give-access": N_("A helper was let into a server."),
    "home:delete": N_("The files of an erased person were deleted."),
    "home:kept": N_("The files of an erased person were kept."),
    "hub:apply": N_("The operator’s file changed the hub."),
    "identity:link": N_("A way to sign in was linked."),
    "identity:unlink": N_("A way to sign in was unlinked."),
    "idp:end": N_("The identity provider ended access."),
    "idp:grant": N_("The identity provider gave access."),
    "invite:change": N_("A code was changed."),
    "invite:close": N_("A code was closed."),
    "invite:inherit": N_("A code was passed on to a champion."),
    "invite:issue": N_("A code was made."),
    "invite:redeem": N_("Somebody joined with a code."),
    "invite:renew": N_("A code was replaced by a new one."),
    "invite:revoke": N_("A code was revoked."),
    "member:remove": N_("A person was removed or left."),
    "member:set-role": N_("A person was given another role."),
    "offer:accept": N_("An offered role was accepted."),
    "offer:decline": N_("An offered role was declined."),
    "offer:make": N_("A role was offered."),
    "offer:withdraw": N_("An offered role was taken back."),
    "loan:give-back": N_("What was lent was given back."),
    "loan:make": N_("Dated hours were lent to another community."),
    "loan:recall": N_("What was lent was taken back."),
    "quota:set": N_("Limits were set."),
    "rehearsal:end": N_("A rehearsal ended."),
    "rehearsal:tick": N_("A step of a rehearsal was ticked off."),
    "return-key:approve": N_("A new return key was approved."),
    "return-key:confirm": N_("A return key was kept."),
    "return-key:make": N_("A return key was made."),
    "return-key:renew": N_("An approved return key was made."),
    "return-key:replace": N_("A person replaced their return key."),
    "server:restart": N_("A person’s server was restarted."),
    "server:stop": N_("A person’s server was stopped."),
    "share:ask": N_("The community asked for more."),
    "share:decline": N_("What the community asked for was declined."),
    "share:grant": N_("What the community asked for was granted."),
    "share:withdraw": N_("What the community asked for was withdrawn."),
    "template:share": N_("A workshop was shared with the cohort."),
    "template:unshare": N_("A workshop is not shared with the cohort any more."),
    "training:give": N_("A person was given the role that a workshop had promised."),
    "workshop:admit": N_("Somebody was let in from the line."),
    "workshop:change": N_("A workshop was changed."),
    "workshop:close": N_("A workshop was closed."),
    "workshop:decline": N_("Somebody was taken out of the line."),
    "workshop:message": N_("The staff’s message was changed."),
    "workshop:open": N_("A workshop was opened."),
    "workshop:rehearse": N_("A rehearsal began."),
    "workshop:promise": N_("The role that a workshop promises was changed."),
}
# Those that no community sees: they belong to a person, or to the hub.
OF_THE_HUB = frozenset(
    [
        *("account:block", "account:erase", "account:erased", "account:language"),
        *(
            "account:sign-out",
            "account:unblock",
            "erasure:stop",
            "erasure:withdraw",
            "home:delete",
            "home:kept",
        ),
        *("hub:apply", "identity:link", "identity:unlink"),
        *("return-key:confirm", "return-key:make", "return-key:renew", "return-key:replace"),
    ]
)


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that became different."""

    label: str
    text: str
    is_setting: bool = False  # the label is what the operator's file calls it
    is_name: bool = False  # the text is somebody's own, in whatever language


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """One row of the page."""

    at: datetime
    who: str
    person: str | None  # the username, where it is somebody who is still known
    what: str
    about: str
    path: str | None  # of the page about it
    is_name: bool  # what it is about is a name, of a person or a workshop
    details: tuple[Detail, ...]


def shown_entries(trail: Trail, messages: Messages, zone: str) -> list[ShownEntry]:
    return [
        ShownEntry(
            at=entry.at,
            who=actor_in_words(entry, trail, messages),
            person=trail.people[entry.actor].username if entry.actor in trail.people else None,
            what=action_in_words(entry.action, messages),
            about=subject_in_words(entry, trail, messages),
            path=_path(entry),
            is_name=_is_name(entry, trail),
            details=details_of(entry, trail, messages, zone),
        )
        for entry in trail.entries
    ]


def action_in_words(action: str, messages: Messages) -> str:
    """What was done; of a newer version, as it is written."""
    return messages.gettext(SENTENCES[action]) if action in SENTENCES else action


def actor_in_words(entry: AuditEntry, trail: Trail, messages: Messages) -> str:
    words = {
        # TRANSLATORS: Who did something: the person who runs this hub.
        "operator": messages.gettext("The operator"),
        # TRANSLATORS: Who did something: this service by itself, by the clock.
        "timer": messages.gettext("This service"),
        "house": messages.gettext("This service"),
        "hub": messages.gettext("The hub"),
        # TRANSLATORS: Who did something: where people sign in with an account from elsewhere.
        "idp": messages.gettext("The identity provider"),
    }
    return words.get(entry.actor) or _name(entry.actor, trail, messages)


def subject_in_words(entry: AuditEntry, trail: Trail, messages: Messages) -> str:
    kind, *parts = entry.subject.split("/")
    if kind == "account":
        return _name("/".join(parts), trail, messages)
    if kind == "workshop" and len(parts) == 2:
        return trail.titles.get("/".join(parts), parts[1])
    if kind == "invite":
        return messages.gettext("Code")
    if kind == "offer":
        return messages.gettext("A role that was offered")
    if kind == "ask":
        # TRANSLATORS: In a table: what a community wants more of.
        return messages.gettext("What was asked for")
    if kind == "loan":
        # TRANSLATORS: In a table: something that one community lends another.
        return messages.gettext("Loan")
    if kind == "template":
        return messages.gettext("Shared workshop")
    if kind == "quota":
        workshop = "/".join(parts[1:3])
        if title := trail.titles.get(workshop):
            return messages.gettext("Quota of %(name)s", name=title)
        # TRANSLATORS: What a community may hold and spend; see the glossary.
        return messages.gettext("Quota")
    if kind == "community" and trail.community is not None:
        return in_language(trail.community.names, messages.tag)
    return messages.gettext("This hub") if kind == "hub" else "/".join(parts)


def details_of(
    entry: AuditEntry, trail: Trail, messages: Messages, zone: str
) -> tuple[Detail, ...]:
    """Each thing with what it was and what it became."""
    found = []
    for name in {**entry.before, **entry.after}:
        shown = [
            _value(name, values[name], entry, trail, messages, zone) if name in values else "–"
            for values in (entry.before, entry.after)
        ]
        if name not in entry.before:
            if entry.after[name] is None:
                continue  # it says nothing
            text = shown[1]
        else:
            # TRANSLATORS: What something was, and what it became: “10 → 12”. Turn the arrow round
            # where your language is written from right to left.
            text = messages.gettext("%(before)s → %(after)s", before=shown[0], after=shown[1])
        label = _label(name, messages)
        is_name = label is None or name in _NAMED
        found.append(Detail(label or name, text, is_setting=label is None, is_name=is_name))
    return tuple(found)


_NAMED = frozenset(
    {"because", "borrower", "champions", "names", "site", "title", "workshop", "zone"}
)


def _is_name(entry: AuditEntry, trail: Trail) -> bool:
    account = account_in(entry.subject)
    if account is not None:
        return account in trail.people
    kind = entry.subject.partition("/")[0]
    if kind == "community":
        return trail.community is None  # then it is told by its short name
    return kind not in ("ask", "invite", "loan", "offer", "quota", "template", "hub")


def _path(entry: AuditEntry) -> str | None:
    kind, *parts = entry.subject.split("/")
    if entry.community is None:
        return None
    if kind == "workshop" and len(parts) == 2:
        return f"communities/{parts[0]}/workshops/{parts[1]}"
    if kind == "invite":
        return f"communities/{entry.community}/codes/{parts[0]}"
    if kind == "quota" and len(parts) == 3:
        return f"communities/{parts[1]}/workshops/{parts[2]}/quota"
    return f"communities/{entry.community}/quota" if kind == "quota" else None


def _name(account_id: str, trail: Trail, messages: Messages) -> str:
    account = trail.people.get(account_id)
    # TRANSLATORS: Instead of a name: a person whose account was erased.
    return messages.gettext("Somebody erased") if account is None else account.display_name


def _label(name: str, messages: Messages) -> str | None:
    """Of what became different; None for a limit, which has the name that the operator's file uses."""
    labels = {
        # TRANSLATORS: Why something was done, in somebody’s own words.
        "because": messages.gettext("Reason"),
        "borrower": messages.gettext("To which community"),
        "by_hand": messages.gettext("Each newcomer waits until somebody lets them in"),
        "champions": messages.gettext("Champions named by the file"),
        # TRANSLATORS: How long a text is: its letters, digits and spaces.
        "characters": messages.gettext("Characters"),
        "closes_at": messages.gettext("Closes"),
        # TRANSLATORS: Communities that use each other’s idle capacity; see the glossary.
        "cohort": messages.gettext("Cohort"),
        # TRANSLATORS: Whom people of a community can ask.
        "contact": messages.gettext("Contact"),
        # TRANSLATORS: Of a place where a workshop is held: two letters such as PE.
        "country": messages.gettext("Country"),
        "language": messages.gettext("Language"),
        # TRANSLATORS: For how long something was given.
        "minutes": messages.gettext("Minutes"),
        # TRANSLATORS: Of a champion: everybody may read the name.
        "named": messages.gettext("Named"),
        "names": messages.gettext("Name"),
        # TRANSLATORS: The number that a waiting person sees.
        "number": messages.gettext("Number"),
        "opens_at": messages.gettext("Opens"),
        "paused": messages.pgettext("code", "Paused"),
        "profile": messages.gettext("Profile"),
        "public": messages.gettext("Shown to everybody"),
        "reserved": messages.pgettext("quota", "Reserved"),
        "retention_days": messages.gettext("Days that people are kept"),
        "role": messages.gettext("Role"),
        "seats": messages.gettext("Seats"),
        "sessions": messages.gettext("Sessions"),
        "shows_people": messages.gettext("Members see who belongs to the community"),
        "site": messages.gettext("Site"),
        "starts_at": messages.gettext("From when"),
        "title": messages.gettext("Title"),
        "until": messages.gettext("Until when"),
        "workshop": messages.gettext("Workshop"),
        "zone": messages.gettext("Time zone"),
    }
    return labels.get(name)


def _value(
    name: str, value: object, entry: AuditEntry, trail: Trail, messages: Messages, zone: str
) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        # TRANSLATORS: Of a setting: it is on.
        yes = messages.gettext("Yes")
        # TRANSLATORS: Of a setting: it is off.
        no = messages.gettext("No")
        return yes if value else no
    if isinstance(value, int):
        return messages.number(value)
    if name == "role":
        return _role(str(value), messages)
    if name == "language":
        return messages.language_name(str(value))
    if name == "contact":
        # TRANSLATORS: Of something whose text is not shown: it is another one now.
        return messages.gettext("Changed")
    if name == "workshop":
        return trail.titles.get(f"{entry.community}/{value}", str(value))
    if name == "names" and isinstance(value, Mapping):
        return in_language(value, messages.tag)
    if name == "reserved" and isinstance(value, Mapping):
        return amounts_in_words(value, messages)
    if name == "champions" and isinstance(value, list):
        return messages.listing(_name(one, trail, messages) for one in value) or "–"
    if name == "sessions" and isinstance(value, list):
        return messages.listing(_interval(str(one), messages, zone) for one in value) or "–"
    if name in ("opens_at", "closes_at", "starts_at", "until"):
        return messages.datetime(datetime.fromisoformat(str(value)), zone, "medium")
    return str(value)


def _interval(session: str, messages: Messages, zone: str) -> str:
    start, end = (datetime.fromisoformat(at) for at in session.split("/"))
    return messages.interval(start, end, zone, "medium")


def _role(label: str, messages: Messages) -> str:
    return {
        "champion": messages.pgettext("role", "Champion"),
        "instructor": messages.pgettext("role", "Instructor"),
        "helper": messages.pgettext("role", "Helper"),
    }.get(label) or messages.pgettext("role", "Learner")


# To take along


COLUMNS = (
    *("id", "at", "actor", "actor_name", "action", "subject", "subject_name"),
    *("community", "before", "after", "request_id"),
)


def entry_json(entry: AuditEntry, trail: Trail, messages: Messages) -> dict[str, object]:
    """As it is kept, with the names that are still known."""
    subject = account_in(entry.subject)
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "actor_name": _known(entry.actor, trail),
        "action": entry.action,
        "detail": action_in_words(entry.action, messages),
        "subject": entry.subject,
        "subject_name": None if subject is None else _known(subject, trail),
        "community": entry.community,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "request_id": entry.request_id,
    }


def entry_row(entry: AuditEntry, trail: Trail, messages: Messages) -> list[str]:
    """The same as a row of a table, under the names of the API."""
    found = entry_json(entry, trail, messages)
    return [_cell(found[name]) for name in COLUMNS]


def _known(account_id: str, trail: Trail) -> str | None:
    account = trail.people.get(account_id)
    return None if account is None else account.display_name


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    return "" if value is None else str(value)
