"""What single values in `communities.yaml` may be."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from babel.numbers import is_currency
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..domain.communities import is_slug
from ..domain.refusals import ZoneInvalid
from ..domain.units import read_cpu, read_duration, read_size
from ..domain.workshops import check_zone
from ..i18n.negotiation import is_language_tag


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


def check_database(value: str) -> str:
    scheme, is_url, _ = value.partition("://")
    if is_url and scheme not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError("expected a file name, or a URL that begins with postgresql://")
    return value


def _zone(value: str) -> str:
    try:
        return check_zone(value)
    except ZoneInvalid as error:
        raise ValueError("expected a time zone such as America/Lima") from error


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError("expected a currency by its three letters, such as USD")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return value


def _lesson(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("expected a path that begins with /, such as /lab/tree/lesson.ipynb")
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
Lessons = Annotated[
    dict[Tag, Annotated[str, AfterValidator(_lesson)]],
    BeforeValidator(_texts, json_schema_input_type=str | dict[str, str]),
]
Size = Annotated[int, BeforeValidator(read_size, json_schema_input_type=str | int)]
Cpu = Annotated[int, BeforeValidator(read_cpu, json_schema_input_type=str | int | float)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Place = Annotated[str, AfterValidator(_place)]
Duration = Annotated[timedelta, BeforeValidator(read_duration, json_schema_input_type=str)]
Zone = Annotated[str, AfterValidator(_zone)]
Servers = Annotated[int, Field(gt=0, le=1_000_000)]
ServersShared = Annotated[int, Field(ge=0, le=1_000_000)]
Gpus = Annotated[int, Field(ge=0, le=1_000)]
Price = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=14, decimal_places=8)]
Currency = Annotated[str, AfterValidator(_currency)]
Days = Annotated[int, Field(ge=0, le=36500)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
