"""Operations of the API, as they are declared: tornado's routes and the document follow from it.

    class MemberApi(ApiHandler):
        paths = ("communities/{community}/members/{username}",)

        @operation("One person of a community", answer=answers.Member, is_versioned=True)
        async def get(self, community: str, username: str) -> answers.Member: ...

What a method returns passes through the model that it declares, so the document cannot lie.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

if TYPE_CHECKING:
    from .handling import ApiHandler

METHODS = ("get", "post", "put", "patch", "delete")
_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a path that is different each time."""

    pattern: str
    description: str


_SLUG, _ID = "[a-z0-9-]+", "[0-9a-f]+"
PARAMETERS: Mapping[str, Parameter] = {
    "community": Parameter(_SLUG, description="The community's short name."),
    "workshop": Parameter(_SLUG, description="The workshop's short name."),
    "username": Parameter("[^/]+", description="A username of the Hub."),
    "invite": Parameter(_ID, description="The invite's id."),
    "batch": Parameter(_ID, description="The id of codes that were made together."),
    "ticket": Parameter(_ID, description="The id of somebody's place in line."),
    "offer": Parameter(_ID, description="The offer's id."),
    "cohort": Parameter(_SLUG, description="The cohort's short name."),
    "ask": Parameter(_ID, description="The id of what was asked for."),
    "loan": Parameter(_ID, description="The loan's id."),
    "template": Parameter(_ID, description="The id of a shared workshop."),
    "notice": Parameter(_ID, description="The notice's id."),
}


@dataclass(frozen=True)
class Operation:
    """One method at its paths."""

    summary: str
    answer: Any = None  # a model, or a list of one: a long list, given by pages; None: no body
    status: HTTPStatus = HTTPStatus.OK
    body: type[BaseModel] | None = None
    is_body_optional: bool = False
    query: type[BaseModel] | None = None  # described by it; read by the verb
    also: Mapping[int, str] = field(default_factory=dict)  # other statuses that are no refusals
    refuses: tuple[int, ...] = ()  # beside those that follow from the rest
    as_csv: bool = False  # too, by `format=csv`
    is_versioned: bool = False  # `If-Match` is compared where the change is made
    is_once: bool = False  # with an `Idempotency-Key`
    is_open: bool = False  # to everybody
    is_for_strangers: bool = False  # too, as far as what is looked at is
    asks_again: bool = False  # a browser must have shown lately who it is

    @property
    def is_list(self) -> bool:
        return get_origin(self.answer) is list and self.status is HTTPStatus.OK

    @property
    def models(self) -> list[type[BaseModel]]:
        found = get_args(self.answer) if get_origin(self.answer) is list else (self.answer,)
        return [one for one in (*found, self.body) if one is not None and _is_model(one)]

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.answer)

    def plain(self, found: Any) -> Any:
        """As JSON has it."""
        valid = self.adapter.validate_python(found)
        return self.adapter.dump_python(valid, mode="json", by_alias=True)


Method = Callable[..., Awaitable[Any]]


def operation(summary: str, **declared: Any) -> Callable[[Method], Method]:
    """Declares a handler's method, with the fields of `Operation`. It is called with the path's
    parameters by their names, and the `body`; it returns what is answered."""
    said = Operation(summary, **declared)

    def declare(method: Method) -> Method:
        @wraps(method)
        async def handle(self: ApiHandler, **path: str) -> None:
            await self.perform(said, method, path)

        handle.operation = said  # type: ignore[attr-defined]
        return handle

    return declare


def operations_of(handler: type[Any]) -> dict[str, Operation]:
    """By HTTP's method, in capitals."""
    found = ((name, getattr(getattr(handler, name), "operation", None)) for name in METHODS)
    return {name.upper(): said for name, said in found if said is not None}


def pattern_of(path: str) -> str:
    """The regular expression of a path such as `communities/{community}`."""
    parts = _PARAMETER.split(path)
    return "".join(
        f"(?P<{part}>{PARAMETERS[part].pattern})" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )


def parameters_of(path: str) -> list[str]:
    return _PARAMETER.findall(path)


def routes_of(handlers: Iterable[type[ApiHandler]]) -> list[tuple[str, type[ApiHandler]]]:
    return [(pattern_of(path), handler) for handler in handlers for path in handler.paths]


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)
