"""The operator's file, `communities.yaml`: its schema, and reading it with exact errors.

Everything is checked when the file is read, never at sign-in or spawn. An error names the file, the
line, the path within it and what was expected.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from .application.communities import Declaration
from .application.ports import Settings
from .domain.communities import Community, is_slug
from .domain.grants import Role
from .domain.profiles import Catalogue, Option, OtherImage, Profile, ProfileChoice
from .domain.provenance import Match, Rule
from .i18n.negotiation import is_language_tag

_SIZE = re.compile(r"(\d+)\s*([KMGT]i?)?B?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_FACTORS |= {"KI": 1024, "MI": 1024**2, "GI": 1024**3, "TI": 1024**4}

# For pydantic's words that only programmers know.
_EXPECTED = {
    "tuple_type": "expected a list",
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "string_type": "expected a text; put it in quotes",
}


def read_size(value: object) -> int:
    """Bytes from `512M`, `2G`, `2Gi`; whole numbers only. Raises `ValueError`."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError("expected a size such as 512M, 2G or 2Gi")
    return int(match[1]) * _FACTORS[(match[2] or "").upper()]


def read_cpu(value: object) -> int:
    """Thousandths of a processor from `1`, `0.5` or `500m`. Raises `ValueError`."""
    match = re.fullmatch(r"(\d+)m|(\d+)(?:\.(\d{1,3}))?", str(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError("expected processors such as 1, 0.5 or 500m")
    if match[1]:
        return int(match[1])
    return int(match[2]) * 1000 + int((match[3] or "").ljust(3, "0"))


def _slug(value: str) -> str:
    if not is_slug(value):
        raise ValueError(
            "expected a slug: lower-case letters, digits and single hyphens, at most 40 characters"
        )
    return value


def _place(value: str) -> str:
    community, _, workshop = value.partition("/")
    if not (is_slug(community) and is_slug(workshop)):
        raise ValueError("expected a workshop as community/workshop, by their slugs")
    return value


def _tag(value: str) -> str:
    if not is_language_tag(value):
        raise ValueError("expected a language tag such as es, pt-BR or sw")
    return value


def _database(value: str) -> str:
    scheme, is_url, _ = value.partition("://")
    if is_url and scheme.partition("+")[0] not in ("sqlite", "postgresql"):
        raise ValueError("expected a file name, or a URL that begins with postgresql://")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return value


def _texts(value: object) -> object:
    """A text for all languages may be written without naming one."""
    return {"en": value} if isinstance(value, str) else value


Slug = Annotated[str, AfterValidator(_slug)]
Tag = Annotated[str, AfterValidator(_tag)]
Texts = Annotated[
    dict[Tag, str],
    BeforeValidator(_texts, json_schema_input_type=str | dict[str, str]),
]
Size = Annotated[int, BeforeValidator(read_size, json_schema_input_type=str | int)]
Cpu = Annotated[int, BeforeValidator(read_cpu, json_schema_input_type=str | int | float)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Place = Annotated[str, AfterValidator(_place)]
Servers = Annotated[int, Field(gt=0, le=1_000_000)]
Days = Annotated[int, Field(ge=0, le=36500)]


class Gate(TypedDict):
    """What every kind of `domain.profiles.Gated` has."""

    communities: frozenset[str]
    roles: frozenset[Role]
    workshops: frozenset[str]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSection(_Section):
    """The hub as a whole."""

    name: Slug = Field("hub", description="This hub's name, where several share one database.")
    language: Tag = Field("en", description="The language of pages when nothing else decides.")
    database: Annotated[str, AfterValidator(_database)] = Field(
        "communities.sqlite",
        description="A file beside this one, or an SQLAlchemy URL. Never the Hub's own database.",
    )
    key_file: str = Field(
        "communities.key",
        description="The package's key, made by `init`; the environment variable "
        "`COMMUNITIES_KEY` comes first. Back it up with the database.",
    )
    group_prefix: str = Field(
        "community-", min_length=1, description="What the Hub groups of this package begin with."
    )
    when_unreachable: Literal["refuse", "admit"] = Field(
        "refuse", description="What a start gets when the database does not answer."
    )
    servers: Servers | None = Field(
        None, description="Most servers at one time, all communities together."
    )
    people: Servers | None = Field(
        None, description="Most people at one time, whatever seats codes have."
    )
    new_accounts_per_hour: Servers | None = Field(
        None, description="Most accounts that codes make in an hour, whatever seats they have."
    )
    grace_days: Days = Field(
        14,
        description="Days after the end of somebody's access in which they may still sign in and "
        "take their files along, by the rescue profile.",
    )
    rescue_profile: Slug | None = Field(
        None, description="The profile for that; by default the one with the least memory."
    )
    outside_communities: Literal["admit", "refuse"] = Field(
        "admit",
        description="What people of the hub who belong to no community may do: what the hub lets "
        "them, or nothing. Its admins are always let in.",
    )
    stop_servers_at_end: bool = Field(
        False,
        description="Whether running servers stop when a grant lapses. They always stop for "
        "somebody who was removed, blocked or suspended.",
    )


class QuotaSection(_Section):
    """What a community may hold at one time."""

    servers: Servers | None = Field(None, description="Most servers at one time.")


class CommunitySection(_Section):
    """One community."""

    slug: Slug = Field(description="Its name in addresses and groups. It never changes.")
    name: Texts = Field(description="Its name, per language.", min_length=1)
    language: Tag = Field("en", description="Its own language.")
    contact: str | None = Field(
        None, description="Whom people ask: an e-mail address or a sentence. Shown on refusals."
    )
    champions: tuple[str, ...] = Field((), description="Hub usernames of its champions.")
    quota: QuotaSection = QuotaSection()
    profiles: tuple[Slug, ...] = Field(
        (), description="The order in which its people see profiles; others come after these."
    )
    stop_servers_at_end: bool | None = Field(
        None, description="As under `hub`, for this community alone."
    )
    retention_days: Days | None = Field(
        None,
        description="Days after the end of a person's last grant, and of their days of grace, until "
        "the account is erased by itself. By default it is kept.",
    )


class _Gate(_Section):
    """Whom something is offered to."""

    communities: tuple[Slug, ...] = Field((), description="Offered to these only; all if empty.")
    roles: tuple[Literal["learner", "helper", "instructor", "champion"], ...] = Field(
        (), description="Offered from the lowest of these roles up; to all if empty."
    )
    workshops: tuple[Place, ...] = Field(
        (), description="Offered in these workshops only, as `community/workshop`; in all if empty."
    )

    def gate(self) -> Gate:
        return {
            "communities": frozenset(self.communities),
            "roles": frozenset(Role.from_label(label) for label in self.roles),
            "workshops": frozenset(self.workshops),
        }


class _Sizes(_Section):
    cpu: Cpu | None = Field(None, description="Processors: 1, 0.5 or 500m.")
    memory: Size | None = Field(None, description="Memory: 512M, 2G or 2Gi.")
    image: Texts = Field(
        {}, description="Container image, for Spawners that have one; may be one per language."
    )
    environment: dict[str, Texts] = Field(
        {}, description="Environment variables; each value may be one per language."
    )


class OptionSection(_Gate, _Sizes):
    """One option of a choice. What it sets goes before what the profile sets."""

    slug: Slug = Field(description="Its stable name; only this is stored.")
    name: Texts = Field(description="Its name, per language.", min_length=1)

    def option(self) -> Option:
        return Option(
            slug=self.slug,
            names=self.name,
            milli_cpu=self.cpu,
            memory=self.memory,
            images=self.image,
            environment=self.environment,
            **self.gate(),
        )


class OtherImageSection(_Gate):
    """An image that the person names themselves."""

    allowed: Pattern = Field(
        description="A regular expression (Python's) that matches the whole name of the image."
    )


class ChoiceSection(_Section):
    """What a person chooses within a profile."""

    slug: Slug = Field(description="Its stable name; only this is stored.")
    name: Texts = Field(description="Its name, per language.", min_length=1)
    options: tuple[OptionSection, ...] = Field((), description="The first one is chosen at first.")
    other_image: OtherImageSection | None = Field(
        None, description="Whether a person may name an image that is no option."
    )

    def choice(self) -> ProfileChoice:
        other = self.other_image
        return ProfileChoice(
            slug=self.slug,
            names=self.name,
            options=tuple(section.option() for section in self.options),
            other_image=None
            if other is None
            else OtherImage(allowed=other.allowed, **other.gate()),
        )


class ProfileSection(_Gate, _Sizes):
    """One entry that a server can be started with."""

    slug: Slug = Field(description="Its stable name; only this is stored.")
    name: Texts = Field(description="Its name, per language.", min_length=1)
    description: Texts = Field({}, description="One sentence, per language.")
    lesson: Texts = Field(
        {},
        description="What a server opens, per language: a path such as `/lab/tree/lesson.ipynb`.",
    )
    choices: tuple[ChoiceSection, ...] = Field(
        (), description="What a person chooses within it: a list for each."
    )
    former_slugs: tuple[Slug, ...] = Field(
        (), description="Slugs that it had: saved choices and links with them keep working."
    )
    lab_languages: tuple[Tag, ...] | None = Field(
        None,
        description="Languages that JupyterLab has a pack for in this image; people of others are "
        "told that it is in English. By default nothing is said.",
    )

    def profile(self) -> Profile:
        return Profile(
            slug=self.slug,
            names=self.name,
            descriptions=self.description,
            milli_cpu=self.cpu,
            memory=self.memory,
            default_urls=self.lesson,
            images=self.image,
            environment=self.environment,
            choices=tuple(section.choice() for section in self.choices),
            former_slugs=frozenset(self.former_slugs),
            lab_languages=self.lab_languages,
            **self.gate(),
        )


class RuleSection(_Section):
    """Who has such a value in a claim of the identity provider has this role. One of `equals`,
    `prefix` and `pattern` is given."""

    claim: str = Field(
        "groups", min_length=1, description="The claim: a key, or keys joined by dots."
    )
    equals: str | None = Field(None, description="The whole value, such as `/research/peru`.")
    prefix: str | None = Field(
        None, min_length=1, description="How the value begins; a branch of a tree ends with `/`."
    )
    pattern: Pattern | None = Field(
        None, description="A regular expression (Python's) that matches the whole value."
    )
    community: Slug = Field(description="The community that the person belongs to.")
    workshop: Slug | None = Field(None, description="A workshop of it; else the whole community.")
    role: Literal["learner", "helper", "instructor", "champion"] = Field(
        "learner", description="What the person may do there."
    )

    @model_validator(mode="after")
    def _check_one(self) -> RuleSection:
        given = [value for value in (self.equals, self.prefix, self.pattern) if value is not None]
        if len(given) != 1:
            raise ValueError("expected exactly one of equals, prefix and pattern")
        return self

    def rule(self) -> Rule:
        kind = next(match for match in Match if getattr(self, match.value) is not None)
        return Rule(
            claim=self.claim,
            match=kind,
            value=getattr(self, kind.value),
            community=self.community,
            workshop=self.workshop,
            role=Role.from_label(self.role),
        )


class SignInSection(_Section):
    """What the identity provider says of people, and what it gives them."""

    rules: tuple[RuleSection, ...] = ()
    when_claim_missing: Literal["keep", "end"] = Field(
        "keep",
        description="What becomes of a rule's grant when the provider answers without the claim. "
        "`end` suits providers that leave an empty claim out.",
    )


_Path = tuple[str | int, ...]
_Mistake = tuple[_Path, str]  # where in the file, what


def _repeated(where: str | _Path, sections: Sequence[Any]) -> Iterator[_Mistake]:
    path = (where,) if isinstance(where, str) else where
    slugs = [section.slug for section in sections]
    for number, slug in enumerate(slugs):
        if slug in slugs[:number]:
            yield (*path, number, "slug"), f"another entry has the slug {slug}"


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"there is no {name} in this file; did you mean {close[0]}?"
    return f"there is no {name} in this file; there is: {', '.join(known) or 'nothing'}"


class CommunitiesFile(_Section):
    """The whole file."""

    hub: HubSection = HubSection()
    sign_in: SignInSection = SignInSection()
    communities: tuple[CommunitySection, ...] = ()
    profiles: tuple[ProfileSection, ...] = ()

    @model_validator(mode="after")
    def _check_references(self) -> CommunitiesFile:
        """Every name of something else in the file is the name of something."""
        mistakes = [*self._repeated_slugs(), *self._unknown_names()]
        if mistakes:
            raise ValidationError.from_exception_data(
                "communities.yaml",
                [
                    InitErrorDetails(
                        type=PydanticCustomError("reference", text), loc=where, input=None
                    )
                    for where, text in mistakes
                ],
            )
        return self

    def _repeated_slugs(self) -> Iterator[_Mistake]:
        yield from _repeated("communities", self.communities)
        yield from _repeated("profiles", self.profiles)
        for number, profile in enumerate(self.profiles):
            yield from _repeated(("profiles", number, "choices"), profile.choices)
            for at, choice in enumerate(profile.choices):
                yield from _repeated(("profiles", number, "choices", at, "options"), choice.options)
                if not choice.options and choice.other_image is None:
                    where = ("profiles", number, "choices", at)
                    yield where, "expected options, or other_image"

    def _unknown_names(self) -> Iterator[_Mistake]:
        communities = [section.slug for section in self.communities]
        profiles = [section.slug for section in self.profiles]
        for where, gate in self._gates():
            for at, slug in enumerate(gate.communities):
                if slug not in communities:
                    yield (*where, "communities", at), _unknown(slug, communities)
            for at, place in enumerate(gate.workshops):
                community = place.partition("/")[0]
                if community not in communities:
                    yield (*where, "workshops", at), _unknown(community, communities)
        for number, section in enumerate(self.communities):
            for at, slug in enumerate(section.profiles):
                if slug not in profiles:
                    yield ("communities", number, "profiles", at), _unknown(slug, profiles)
        rescue = self.hub.rescue_profile
        if rescue is not None and rescue not in profiles:
            yield ("hub", "rescue_profile"), _unknown(rescue, profiles)

    def _gates(self) -> Iterator[tuple[_Path, _Gate]]:
        for number, profile in enumerate(self.profiles):
            here: _Path = ("profiles", number)
            yield here, profile
            for at, choice in enumerate(profile.choices):
                inside = (*here, "choices", at)
                yield from (
                    ((*inside, "options", n), option) for n, option in enumerate(choice.options)
                )
                if choice.other_image is not None:
                    yield (*inside, "other_image"), choice.other_image

    def settings(self) -> Settings:
        return Settings(
            hub_name=self.hub.name,
            language=self.hub.language,
            group_prefix=self.hub.group_prefix,
            admit_when_unreachable=self.hub.when_unreachable == "admit",
            grace=timedelta(days=self.hub.grace_days),
            rescue_profile=self.hub.rescue_profile,
            admits_outside=self.hub.outside_communities == "admit",
            stopping=frozenset(
                section.slug for section in self.communities if self._stops_at_end(section)
            ),
            most_people=self.hub.people,
            most_new_per_hour=self.hub.new_accounts_per_hour,
            rules=tuple(section.rule() for section in self.sign_in.rules),
            keep_when_missing=self.sign_in.when_claim_missing == "keep",
            catalogue=Catalogue(
                tuple(section.profile() for section in self.profiles),
                orders={section.slug: section.profiles for section in self.communities},
            ),
        )

    def _stops_at_end(self, section: CommunitySection) -> bool:
        own = section.stop_servers_at_end
        return self.hub.stop_servers_at_end if own is None else own

    def declarations(self) -> tuple[Declaration, ...]:
        return tuple(
            Declaration(
                community=Community(
                    slug=section.slug,
                    names=section.name,
                    language=section.language,
                    contact=section.contact,
                    declared=True,
                    retention_days=section.retention_days,
                ),
                servers=section.quota.servers,
                champions=section.champions,
            )
            for section in self.communities
        )


def json_schema() -> dict[str, Any]:
    """The file's JSON Schema (2020-12), by which editors complete and check it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **CommunitiesFile.model_json_schema(),
        "title": "communities.yaml of jupyterhub-communities",
    }


class ConfigError(Exception):
    """The file cannot be used. `str()` has a line for each mistake: file, line, path, expected."""


def load_config(path: Path) -> CommunitiesFile:
    """Reads and checks the operator's file. Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no file {path}. Make one with: jupyterhub-communities init"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: {error}") from error
    twice = [
        f"{path}:{key.start_mark.line + 1}: {key.value}: this key stands here twice"
        for key in _repeated_keys(root)
    ]
    if twice:
        raise ConfigError("\n".join(twice))
    try:
        return CommunitiesFile.model_validate(data)
    except ValidationError as error:
        lines = [_explain(path, root, mistake) for mistake in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def _repeated_keys(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Keys that YAML would let win over an earlier one of the same section."""
    to_see, seen = [node], set[int]()  # an alias leads to a node once more, or back to itself
    while to_see:
        node = to_see.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            yield from (key for n, (key, _) in enumerate(node.value) if key.value in names[:n])
            to_see += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            to_see += node.value


def _explain(path: Path, root: yaml.Node | None, mistake: Mapping[str, Any]) -> str:
    where = [part for part in mistake["loc"] if part != "[key]"]
    dotted = ".".join(str(part) for part in where) or "the file"
    message = str(mistake["msg"]).removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        message = "unknown key" + _suggestion(where)
    message = _EXPECTED.get(mistake["type"], message)
    line = _line_of(root, where)
    return f"{path}:{line}: {dotted}: {message[:1].lower()}{message[1:]}"


def _suggestion(where: list[str | int]) -> str:
    """The key that was probably meant."""
    section: type[BaseModel] = CommunitiesFile
    for part in where[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_in(section.model_fields[part].annotation) or section
    close = difflib.get_close_matches(str(where[-1]), section.model_fields, n=1)
    known = ", ".join(section.model_fields)
    return f"; did you mean {close[0]}?" if close else f"; known here: {known}"


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, also in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _line_of(node: yaml.Node | None, where: list[str | int]) -> int:
    """The line of the innermost node on the path that the file has, from 1."""
    line = 1
    for part in where:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
            found = node.value[int(part)]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line
