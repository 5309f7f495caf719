"""What a server is started on: the form, and reading what came from it or from anywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from ..application.leases import Choice
from ..domain.communities import is_slug
from ..domain.profiles import Profile
from ..domain.quotas import Scope
from ..domain.texts import in_language
from ..i18n.messages import Messages
from ..pages.refusals import grace_sentence

OPTIONS = ("community", "workshop", "profile")


def read_options(data: Mapping[str, Any] | None) -> dict[str, str]:
    """The slugs in a form, a link or a REST request; all else is dropped.

    The form's `start_on` holds community, workshop and profile in one choice.
    """
    # JupyterHub 5 hands over the names of a link as they are, 6 without the prefix.
    values = {name.removeprefix("opt-"): _text(value) for name, value in (data or {}).items()}
    if "start_on" in values:
        values.update(zip(OPTIONS, values.pop("start_on").split("/"), strict=False))
    return {name: values[name] for name in OPTIONS if is_slug(values.get(name, ""))}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""


def scope_of(options: Mapping[str, str]) -> Scope | None:
    if "community" not in options:
        return None
    return Scope(options["community"], options.get("workshop"))


def draw_form(choices: Sequence[Choice], messages: Messages) -> str:
    """One radio list: each profile of each place. Empty where one click is enough."""
    if sum(max(1, len(choice.profiles)) for choice in choices) <= 1:
        return ""
    return str(
        Markup("").join(
            _group(choice, messages, is_default=number == 0)
            for number, choice in enumerate(choices)
        )
    )


def draw_grace(until: datetime, messages: Messages) -> str:
    """Nothing to choose, and why."""
    sentence = grace_sentence(until, messages)
    return str(Markup('<p class="alert alert-warning" role="status">{}</p>').format(sentence))


def _group(choice: Choice, messages: Messages, *, is_default: bool) -> Markup:
    profiles: Sequence[Profile | None] = choice.profiles or (None,)  # a hub may have no profiles
    slugs = [profile.slug for profile in choice.profiles]
    preferred = slugs.index(choice.preferred_profile) if choice.preferred_profile in slugs else 0
    rows = Markup("").join(
        _row(choice, profile, messages, checked=is_default and number == preferred)
        for number, profile in enumerate(profiles)
    )
    return Markup(
        '<fieldset class="mb-4"><legend class="h5" dir="auto">{name}</legend>{left}{rows}</fieldset>'
    ).format(name=in_language(choice.name, messages.tag), left=_left(choice, messages), rows=rows)


def _left(choice: Choice, messages: Messages) -> Markup:
    if choice.servers_left is None:
        return Markup("")
    sentence = messages.ngettext(
        "One server can be started now.",
        "%(num)s servers can be started now.",
        choice.servers_left,
    )
    if choice.servers_left == 0:
        sentence = messages.gettext(
            "All servers are in use. Try again when somebody has stopped one."
        )
    return Markup('<p class="text-muted">{}</p>').format(sentence)


def _row(choice: Choice, profile: Profile | None, messages: Messages, *, checked: bool) -> Markup:
    slug = "" if profile is None else profile.slug
    value = f"{choice.scope.community}/{choice.scope.workshop or ''}/{slug}"
    field = f"start-{value.replace('/', '-')}"
    if profile is None:
        name, details = in_language(choice.name, messages.tag), []
    else:
        name = profile.name(messages.tag)
        details = [profile.description(messages.tag), sizes(profile, messages)]
    return Markup(
        '<div class="form-check mb-2">'
        '<input class="form-check-input" type="radio" name="start_on" id="{field}" value="{value}"'
        " required{checked}>"
        '<label class="form-check-label" for="{field}">'
        '<strong dir="auto">{name}</strong>{details}</label></div>'
    ).format(
        field=field,
        value=value,
        checked=Markup(" checked") if checked else "",
        name=name,
        details=Markup("").join(
            Markup('<br><span class="text-muted">{}</span>').format(text)
            for text in details
            if text
        ),
    )


def sizes(profile: Profile, messages: Messages) -> str:
    """A profile's sizes in plain words; empty where it sets none."""
    parts = []
    if profile.memory is not None:
        parts.append(messages.gettext("%(size)s of memory", size=messages.size(profile.memory)))
    if profile.milli_cpu is not None:
        processors = messages.number(profile.milli_cpu / 1000)
        if profile.milli_cpu == 1000:
            parts.append(messages.gettext("1 processor"))
        else:
            parts.append(messages.gettext("%(count)s processors", count=processors))
    return messages.listing(parts) if parts else ""
