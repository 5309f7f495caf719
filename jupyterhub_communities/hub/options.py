"""What a server is started on: the form, and reading what came from it or from anywhere else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from ..application.leases import Choice, StartPlan
from ..application.remaining import PlaceLeft
from ..domain.communities import is_slug
from ..domain.profiles import OTHER_IMAGE, Profile, ProfileChoice
from ..domain.quotas import Scope
from ..domain.texts import in_language
from ..domain.units import CPU, GPU, MEMORY, STORAGE, kind_of
from ..i18n.messages import Messages
from ..pages.quotas import amount_in_words, amounts_in_words, left_in_words, wait_in_words
from ..pages.refusals import grace_sentence

OPTIONS = ("community", "workshop", "profile")
RESCUE = "rescue"  # `yes`: a small server, to save or delete files
CHOICE = "choice-"
_IMAGE = re.compile(r"[\w./:@-]{1,255}", re.ASCII)


def read_options(data: Mapping[str, Any] | None, choices: Collection[str] = ()) -> dict[str, str]:
    """The slugs in a form, a link or a REST request; all else is dropped.

    The form's `start_on` holds community, workshop and profile in one choice, and what is chosen
    within the profile begins with it. KubeSpawner's form names an option by its slug alone.
    """
    # JupyterHub 5 hands over the names of a link as they are, 6 without the prefix.
    values = {name.removeprefix("opt-"): text_of(value) for name, value in (data or {}).items()}
    if "start_on" in values:
        chosen = values.pop("start_on")
        if chosen == RESCUE:
            return {RESCUE: "yes"}
        inner = {
            CHOICE + name.removeprefix(f"{chosen}/"): value
            for name, value in values.items()
            if name.startswith(f"{chosen}/")
        }
        values = {**inner, **dict(zip(OPTIONS, chosen.split("/"), strict=False))}
    options = {name: values[name] for name in OPTIONS if is_slug(values.get(name, ""))}
    if values.get(RESCUE) == "yes":
        options[RESCUE] = "yes"
    for slug in choices:
        option = values.get(CHOICE + slug) or values.get(slug, "")
        other = values.get(CHOICE + slug + OTHER_IMAGE) or values.get(
            f"{slug}--unlisted-choice", ""
        )
        if _IMAGE.fullmatch(other.strip()):
            options[CHOICE + slug + OTHER_IMAGE] = other.strip()
        elif is_slug(option):
            options[CHOICE + slug] = option
    return options


def picked_of(options: Mapping[str, str]) -> dict[str, str]:
    """What was chosen within the profile: choice → option."""
    return {
        name.removeprefix(CHOICE): value
        for name, value in options.items()
        if name.startswith(CHOICE)
    }


def saved_options(found: Any) -> dict[str, str]:
    """What `read_options` read before, where the Hub has kept that: a form that is not ours keeps
    anything."""
    values = found if isinstance(found, Mapping) else {}
    texts = {name: one for name, one in values.items() if isinstance(one, str)}
    slugs = {name: texts[name] for name in OPTIONS if is_slug(texts.get(name, ""))}
    return slugs | {name: one for name, one in texts.items() if name.startswith(CHOICE)}


def text_of(value: Any) -> str:
    """A form has lists of texts, a REST request anything."""
    if isinstance(value, (list, tuple)):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""


def scope_of(options: Mapping[str, str]) -> Scope | None:
    if "community" not in options:
        return None
    return Scope(options["community"], options.get("workshop"))


def draw_form(choices: Sequence[Choice], messages: Messages) -> str:
    """One radio list: each profile of each place. Empty where one click is enough."""
    inner = any(profile.choices for choice in choices for profile in choice.profiles)
    if not inner and sum(max(1, len(choice.profiles)) for choice in choices) <= 1:
        return ""
    groups = [
        _group(choice, messages, is_default=number == 0) for number, choice in enumerate(choices)
    ]
    if choices and all(choice.is_full for choice in choices):
        groups.append(_rescue(messages))
    return str(Markup("").join(groups))


def left_at(choice: Choice | PlaceLeft, messages: Messages) -> str:
    """What is left at a place, by its name; empty where nothing is limited."""
    amounts = left_in_words(choice.left, choice.zone, messages)
    if not amounts:
        return ""
    return messages.gettext(
        "Left now for %(name)s: %(amounts)s.",
        name=in_language(choice.name, messages.tag),
        amounts=amounts,
    )


def draw_left(places: Iterable[PlaceLeft], messages: Messages) -> Markup:
    """What is left, a line for each place: to stand above a form that does not say it."""
    line = Markup('<p class="text-muted">{}</p>')
    return Markup("").join(line.format(left_at(place, messages)) for place in places)


def rescue_sentence(messages: Messages) -> str:
    """The way that is open to somebody whose server does not fit."""
    return messages.gettext("Start a small server for an hour, to save or delete files")


def set_aside_sentence(plan: StartPlan, messages: Messages) -> str:
    """What is set aside for a server that starts, and that a rescue is short."""
    sentences = []
    if plan.amounts:
        amounts = amounts_in_words(plan.amounts, messages)
        sentences.append(messages.gettext("Set aside for it: %(amounts)s.", amounts=amounts))
    if plan.is_rescue:
        sentences.append(
            messages.gettext("It is for saving and deleting files, and stops after an hour.")
        )
    return " ".join(sentences)


def _rescue(messages: Messages) -> Markup:
    return Markup(
        '<div class="form-check mb-4"><input class="form-check-input" type="radio" name="start_on"'
        ' id="start-rescue" value="{value}" required>'
        '<label class="form-check-label" for="start-rescue">{text}</label></div>'
    ).format(value=RESCUE, text=rescue_sentence(messages))


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
    amounts = left_in_words(choice.left, choice.zone, messages)
    if not amounts:
        return Markup("")
    sentence = messages.gettext("Left now: %(amounts)s.", amounts=amounts)
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
        if not profile.has_lab_in(messages.tag):
            details.append(messages.gettext("JupyterLab is in English here."))
    if (wait := choice.waits.get(slug)) is not None:
        details.append(wait_in_words(wait, choice.zone, messages))
    return Markup(
        '<div class="form-check mb-2">'
        '<input class="form-check-input" type="radio" name="start_on" id="{field}" value="{value}"'
        " required{checked}>"
        '<label class="form-check-label" for="{field}">'
        '<strong dir="auto">{name}</strong>{details}</label>{inner}</div>'
    ).format(
        inner=Markup("").join(
            _inner(inner, value, messages) for inner in (profile.choices if profile else ())
        ),
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


def _inner(choice: ProfileChoice, prefix: str, messages: Messages) -> Markup:
    """A choice within a profile: a list, and a field for another image where that is offered."""
    name = f"{prefix}/{choice.slug}"
    field = f"start-{name.replace('/', '-')}"
    parts = []
    if choice.options:
        rows = Markup("").join(
            Markup('<option value="{}" dir="auto">{}</option>').format(
                option.slug, option.name(messages.tag)
            )
            for option in choice.options
        )
        parts.append(
            Markup(
                '<label class="form-label mt-2 mb-0" for="{field}" dir="auto">{label}</label>'
                '<select class="form-select" name="{name}" id="{field}">{rows}</select>'
            ).format(field=field, name=name, rows=rows, label=choice.name(messages.tag))
        )
    if choice.other_image is not None:
        parts.append(
            Markup(
                '<label class="form-label mt-2 mb-0" for="{field}">{label}</label>'
                '<input class="form-control" name="{name}" id="{field}" dir="ltr" maxlength="255"'
                ' autocomplete="off" spellcheck="false">'
            ).format(
                field=field + OTHER_IMAGE,
                name=name + OTHER_IMAGE,
                label=messages.gettext("Another image, by its name (may stay empty)"),
            )
        )
    return Markup("").join(parts)


def sizes(profile: Profile, messages: Messages) -> str:
    """A profile's sizes in plain words; empty where it sets none."""
    held = profile.amounts
    gpus = sorted(resource for resource in held if kind_of(resource) == GPU)
    shown = [r for r in (MEMORY, CPU, *gpus, STORAGE) if held.get(r)]
    parts = [amount_in_words(resource, held[resource], messages) for resource in shown]
    return messages.listing(parts) if parts else ""
