"""A `profile_list` of KubeSpawner that the operator has written, gated and in several languages.

Beside KubeSpawner's own keys these may stand in an entry, in a choice and in an `unlisted_choice`:
`communities`, `roles` and `workshops`, as in `communities.yaml`, and `translations`, which has the
texts of that place per language: `{"es": {"display_name": "Lecciones"}}`. The list is read into
the same `Catalogue`, so that the same rules decide; KubeSpawner gets what they leave of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from jupyterhub.traitlets import ByteSpecification
from traitlets import HasTraits, TraitError

from ..application.ports import Settings
from ..domain.communities import is_slug
from ..domain.grants import Role
from ..domain.profiles import OTHER_IMAGE, Catalogue, Option, OtherImage, Profile, ProfileChoice
from ..domain.texts import in_language
from ..domain.units import GPU, gpu_kind, kind_of
from ..i18n.messages import Messages
from ..i18n.negotiation import is_language_tag
from . import set_aside
from .options import CHOICE, text_of

UNLISTED = "--unlisted-choice"  # KubeSpawner's, after an option's name
GATE = ("communities", "roles", "workshops")
OURS = (*GATE, "translations")
_ENTRY_TEXTS = ("display_name", "description")
_UNLISTED_TEXTS = ("display_name", "display_name_in_choices", "validation_message")
_LONGEST_SLUG = 64  # a lease keeps it
_LONGEST_VALUE = 255
_DEVICES = ("extra_resource_guarantees", "extra_resource_limits")  # requests and limits

Entry = dict[str, Any]


class Gate(TypedDict):
    communities: frozenset[str]
    roles: frozenset[Role]
    workshops: frozenset[str]


class ProfileListError(ValueError):
    """A mistake in an entry. `str()` says where in it, and what was expected."""


@dataclass(frozen=True, slots=True)
class ProfileList:
    """The entries without a mistake, as they stand and as a catalogue, the default first."""

    entries: tuple[Entry, ...]
    catalogue: Catalogue
    mistakes: tuple[str, ...]


def read_profile_list(entries: Sequence[Entry], communities: Collection[str]) -> ProfileList:
    """Every entry has its slug by now. One with a mistake is left out: a gate that cannot be read
    opens to nobody."""
    good: dict[str, Entry] = {}
    profiles, mistakes = [], []
    for number, entry in enumerate(entries):
        try:
            if entry["slug"] in good:  # KubeSpawner would take the first of them for either
                raise ProfileListError(f".slug: another entry has the slug {entry['slug']}")
            profiles.append(_profile(entry, communities))
            good[entry["slug"]] = entry
        except ProfileListError as error:
            mistakes.append(f"profile_list[{number}]{error}")
    default = next((slug for slug, entry in good.items() if entry.get("default")), None)
    profiles.sort(key=lambda profile: profile.slug != default)
    return ProfileList(tuple(good.values()), Catalogue(tuple(profiles)), tuple(mistakes))


def lost_rescue(
    settings: Settings, listed: Collection[str] = (), where: str = "this file"
) -> list[str]:
    """The mistake of a rescue profile that is neither in the file nor in the list of this name."""
    rescue = settings.rescue_profile
    if rescue is None or settings.catalogue.profiles or rescue in listed:
        return []  # the file has been checked when it was read
    return [f"communities.yaml: hub.rescue_profile: {_missing(rescue, listed, where)}"]


def localised(
    entries: Iterable[Entry], profiles: Iterable[Profile], messages: Messages
) -> list[Entry]:
    """The entries of these profiles with these choices, in the reader's language, as KubeSpawner
    knows them."""
    offered = {profile.slug: profile for profile in profiles}
    return [
        _localised_entry(entry, offered[entry["slug"]], messages)
        for entry in entries
        if entry["slug"] in offered
    ]


def read_list_options(data: Mapping[str, Any] | None) -> dict[str, str]:
    """What a form, a link or a REST request says, by KubeSpawner's names. Nothing else is checked:
    its slugs are the operator's, and may have any letters."""
    values = {name.removeprefix("opt-"): text_of(value) for name, value in (data or {}).items()}
    prefix = f"profile-option-{values.get('profile', '')}--"
    options = {}
    for name, value in values.items():
        name = name.removeprefix(prefix).removeprefix(CHOICE)
        if name.endswith(OTHER_IMAGE):
            name = name.removesuffix(OTHER_IMAGE) + UNLISTED
        if value and len(value) <= _LONGEST_VALUE:
            options[name] = value
    return options


def picked_from(options: Mapping[str, str], choices: Collection[str]) -> dict[str, str]:
    """What was chosen within the entry, by the catalogue's names."""
    named = {slug: slug for slug in choices} | {
        slug + UNLISTED: slug + OTHER_IMAGE for slug in choices
    }
    return {named[name]: value for name, value in options.items() if name in named}


def list_options(profile: Profile, picked: Mapping[str, str]) -> dict[str, str]:
    """What was admitted, as KubeSpawner's `user_options`."""
    options = {"profile": profile.slug}
    for choice in profile.choices:
        if value := picked.get(choice.slug + OTHER_IMAGE):
            options[choice.slug + UNLISTED] = value
        elif value := picked.get(choice.slug):
            options[choice.slug] = value
    return options


def _profile(entry: Entry, communities: Collection[str]) -> Profile:
    slug = entry["slug"]
    if not isinstance(slug, str) or not 0 < len(slug) <= _LONGEST_SLUG:
        raise ProfileListError(f".slug: expected at most {_LONGEST_SLUG} characters; give it one")
    _check_keys(entry, "", _ENTRY_TEXTS)
    override = entry.get("kubespawner_override") or {}
    choices = []
    for name, option in _items(entry.get("profile_options"), ".profile_options"):
        where = f".profile_options.{name}"
        if misplaced := [key for key in GATE if key in option]:
            raise ProfileListError(
                f"{where}.{misplaced[0]}: a gate stands in the entry, in a choice or in "
                "unlisted_choice"
            )
        _check_keys(option, where, ("display_name",))
        choices.append(_choice(name, option, where, communities, override))
    return Profile(
        slug=slug,
        names=_names(entry, slug),
        **_sizes(override),
        choices=tuple(choices),
        **_gate(entry, "", communities),
    )


def _names(entry: Entry, slug: str) -> dict[str, str]:
    """For refusals; the form is drawn from the entry itself."""
    translations = (entry.get("translations") or {}).items()
    return {"en": str(entry.get("display_name", slug))} | {
        tag: said["display_name"] for tag, said in translations if "display_name" in said
    }


def _choice(
    name: str, option: Entry, where: str, communities: Collection[str], override: Entry
) -> ProfileChoice:
    """`override` is what the entry sets: a choice adds to it."""
    options, default = [], None
    for slug, choice in _items(option.get("choices"), f"{where}.choices"):
        inside = f"{where}.choices.{slug}"
        _check_keys(choice, inside, ("display_name",))
        if choice.get("default") and default is None:
            default = slug
        names = {"en": str(choice.get("display_name", slug))}
        sizes = _sizes_of_choice(choice.get("kubespawner_override") or {}, override)
        options.append(
            Option(slug=slug, names=names, **sizes, **_gate(choice, inside, communities))
        )
    other = None
    unlisted = option.get("unlisted_choice") or {}
    _check_keys(unlisted, f"{where}.unlisted_choice", _UNLISTED_TEXTS)
    gate = _gate(unlisted, f"{where}.unlisted_choice", communities)
    if unlisted.get("enabled"):
        # What it may be is KubeSpawner's to check, by `validation_regex`.
        other = OtherImage(allowed="(?s:.*)", **gate)
    return ProfileChoice(
        slug=name,
        names={"en": str(option.get("display_name", name))},
        options=tuple(sorted(options, key=lambda o: o.slug != default)),
        other_image=other,
    )


def _items(value: Any, where: str) -> Iterable[tuple[str, Entry]]:
    if not isinstance(value or {}, dict):
        raise ProfileListError(f"{where}: expected keys with values")
    for name, inner in (value or {}).items():
        if not isinstance(inner, dict):
            raise ProfileListError(f"{where}.{name}: expected keys with values")
        yield name, inner


def _gate(place: Entry, where: str, communities: Collection[str]) -> Gate:
    named = {key: _texts(place.get(key), f"{where}.{key}") for key in GATE}
    for at, label in enumerate(named["roles"]):
        if label.upper() not in Role.__members__:
            known = ", ".join(role.name.lower() for role in Role)
            raise ProfileListError(f"{where}.roles[{at}]: there is no role {label}; known: {known}")
    for at, slug in enumerate(named["communities"]):
        _check_community(slug, f"{where}.communities[{at}]", communities)
    for at, name in enumerate(named["workshops"]):
        community, _, workshop = name.partition("/")
        if not (is_slug(community) and is_slug(workshop)):
            raise ProfileListError(
                f"{where}.workshops[{at}]: expected a workshop as community/workshop"
            )
        _check_community(community, f"{where}.workshops[{at}]", communities)
    return {
        "communities": frozenset(named["communities"]),
        "roles": frozenset(Role.from_label(label) for label in named["roles"]),
        "workshops": frozenset(named["workshops"]),
    }


def _texts(value: Any, where: str) -> list[str]:
    if value is None:
        return []
    is_list = isinstance(value, (list, tuple, set, frozenset))
    if not is_list or not all(isinstance(text, str) for text in value):
        raise ProfileListError(f"{where}: expected a list of texts")
    return list(value)


def _check_community(slug: str, where: str, communities: Collection[str]) -> None:
    if slug not in communities:
        missing = _missing(slug, sorted(communities), "communities.yaml")
        raise ProfileListError(f"{where}: {missing}")


def _missing(slug: str, known: Collection[str], where: str) -> str:
    close = difflib.get_close_matches(slug, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there is: {', '.join(known) or 'nothing'}"
    return f"there is no {slug} in {where}; {hint}"


def _check_keys(place: Entry, where: str, texts: Collection[str]) -> None:
    """A gate with a slip in its name would let everybody in. Other keys are the operator's: a
    form of their own may show them."""
    for key in place:
        close = difflib.get_close_matches(str(key), OURS, n=1, cutoff=0.75)
        if close and key not in OURS:
            raise ProfileListError(f"{where}.{key}: unknown key; did you mean {close[0]}?")
    for tag, translated in _items(place.get("translations"), f"{where}.translations"):
        inside = f"{where}.translations.{tag}"
        if not is_language_tag(tag):
            raise ProfileListError(f"{inside}: expected a language tag such as es, pt-BR or sw")
        for key, text in translated.items():
            if key not in texts:
                raise ProfileListError(f"{inside}.{key}: expected one of {', '.join(texts)}")
            if not isinstance(text, str):
                raise ProfileListError(f"{inside}.{key}: expected a text")


class Sizes(TypedDict):
    milli_cpu: int | None
    memory: int | None
    gpus: dict[str, int]


def _sizes(override: Mapping[str, Any]) -> Sizes:
    """What the entry says that it sets aside, by which the smallest one is found to save files and
    the largest one that would start now. What is charged is measured when it is started."""
    cpu = override.get("cpu_guarantee") or override.get("cpu_limit")
    kinds = zip(("requests", "limits"), _DEVICES, strict=True)
    resources = {kind: _devices(override, name) for kind, name in kinds}
    devices = set_aside.of_pod({"containers": [{"resources": resources}]})
    return {
        "milli_cpu": set_aside.whole(cpu, 1000) or None,
        "memory": _memory(override),
        "gpus": {gpu_kind(name): n for name, n in devices.items() if kind_of(name) == GPU},
    }


class SizesOfChoice(TypedDict):
    milli_cpu: int | None  # None: those of the entry
    memory: int | None
    gpus: dict[str, int] | None


def _sizes_of_choice(override: Mapping[str, Any], entrys: Mapping[str, Any]) -> SizesOfChoice:
    """What is set aside when the choice's settings go before the entry's, as KubeSpawner applies
    them: a limit changes nothing where a guarantee stands."""
    added = {name: {**_devices(entrys, name), **_devices(override, name)} for name in _DEVICES}
    sizes = _sizes({**entrys, **override, **added})

    def sets(*names: str) -> bool:
        return any(name in override for name in names)

    return {
        "milli_cpu": sizes["milli_cpu"] if sets("cpu_guarantee", "cpu_limit") else None,
        "memory": sizes["memory"] if sets("mem_guarantee", "mem_limit") else None,
        "gpus": sizes["gpus"] if sets(*_DEVICES) else None,
    }


def _devices(override: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = override.get(name)
    return value if isinstance(value, dict) else {}  # known when it is started, as of a function


class _Bytes(HasTraits):
    value = ByteSpecification(allow_none=True, default_value=None)


def _memory(override: Mapping[str, Any]) -> int | None:
    for name in ("mem_guarantee", "mem_limit"):
        try:
            memory: int | None = _Bytes(value=override.get(name)).value
        except (TraitError, TypeError):
            continue  # known when it is started, as of a function
        if memory:
            return memory
    return None


def _localised_entry(entry: Entry, profile: Profile, messages: Messages) -> Entry:
    own = _localised(entry, _ENTRY_TEXTS, messages)
    offered = {choice.slug: choice for choice in profile.choices}
    options = entry.get("profile_options") or {}
    own["profile_options"] = {
        name: _localised_option(option, offered[name], messages)
        for name, option in options.items()
        if name in offered
    }
    return own


def _localised_option(option: Entry, choice: ProfileChoice, messages: Messages) -> Entry:
    own = _localised(option, ("display_name",), messages)
    offered = {inner.slug for inner in choice.options}
    own["choices"] = {
        slug: _localised(inner, ("display_name",), messages)
        for slug, inner in (option.get("choices") or {}).items()
        if slug in offered
    }
    unlisted = option.get("unlisted_choice")
    if unlisted and choice.other_image is None:
        own["unlisted_choice"] = {"enabled": False}
    elif unlisted:
        something_else = {"display_name_in_choices": messages.gettext("Something else")}
        own["unlisted_choice"] = {
            **something_else,
            **_localised(unlisted, _UNLISTED_TEXTS, messages),
        }
    return own


def _localised(place: Entry, texts: Iterable[str], messages: Messages) -> Entry:
    """What stands there without what is ours; the texts in the reader's language."""
    own = {key: value for key, value in place.items() if key not in OURS}
    translations = place.get("translations") or {}
    for key in texts:
        known = {tag: said[key] for tag, said in translations.items() if key in said}
        if known:
            original = {"en": own[key]} if key in own else {}
            own[key] = in_language({**original, **known}, messages.tag)
    return own
