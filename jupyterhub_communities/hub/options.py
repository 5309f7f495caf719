"""What a server is started on: the form, and reading what came from it or from anywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from ..application.leases import Choice
from ..domain.communities import is_slug
from ..domain.profiles import Profile
from ..domain.quotas import Scope
from ..domain.texts import in_language
from ..i18n.messages import Messages

OPTIONS = ("community", "workshop", "profile")


def read_options(data: Mapping[str, Any] | None) -> dict[str, str]:
    """The slugs in a form, a link or a REST request; all else is dropped.

    The form's `start_on` holds community, workshop and profile in one choice.
    """
    values = {name: _text(value) for name, value in (data or {}).items()}
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
    if sum(len(choice.profiles) for choice in choices) <= 1:
        return ""
    return str(
        Markup("").join(
            _group(choice, messages, is_default=number == 0)
            for number, choice in enumerate(choices)
            if choice.profiles
        )
    )


def _group(choice: Choice, messages: Messages, *, is_default: bool) -> Markup:
    preferred = choice.preferred_profile or choice.profiles[0].slug
    rows = Markup("").join(
        _row(choice, profile, messages, checked=is_default and profile.slug == preferred)
        for profile in choice.profiles
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


def _row(choice: Choice, profile: Profile, messages: Messages, *, checked: bool) -> Markup:
    value = f"{choice.scope.community}/{choice.scope.workshop or ''}/{profile.slug}"
    field = f"start-{value.replace('/', '-')}"
    details = [
        text for text in (profile.description(messages.tag), sizes(profile, messages)) if text
    ]
    return Markup(
        '<div class="form-check mb-2">'
        '<input class="form-check-input" type="radio" name="start_on" id="{field}" value="{value}"'
        " required{checked}>"
        '<label class="form-check-label" for="{field}"><strong>{name}</strong>{details}</label></div>'
    ).format(
        field=field,
        value=value,
        checked=Markup(" checked") if checked else "",
        name=profile.name(messages.tag),
        details=Markup("").join(
            Markup('<br><span class="text-muted">{}</span>').format(escape(text))
            for text in details
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
