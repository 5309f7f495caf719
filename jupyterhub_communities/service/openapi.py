"""The API's document: OpenAPI 3.1, made from what the operations declare and the models that check
what they take and answer."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal, get_args, get_origin

from jupyterhub.services.auth import HubOAuth
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ..domain.paging import MOST_ENTRIES, USUAL_ENTRIES
from ..domain.refusals import all_refusals
from . import answers
from .handling import ROOT, ApiHandler
from .operations import PARAMETERS, Operation, operation, operations_of, parameters_of

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/{model}"
_ALWAYS = (400, 401, 403, 502, 503)
_TEXT: Json = {"type": "string"}


class DocumentApi(ApiHandler):
    """Open to everybody: it says nothing of any community."""

    paths = ("openapi.json",)

    async def prepare(self) -> None:
        """Nobody has to be known."""

    @operation("This document", answer=dict[str, Any], is_open=True)
    async def get(self) -> Json:
        # Made when it is first asked for, which takes a while.
        found: Json = await self.house.compute(self.settings["openapi"])
        return found


def document(handlers: Iterable[type[ApiHandler]], *, prefix: str, hub_auth: HubOAuth) -> Json:
    """`prefix` is the service's address, under which the API is."""
    declared = {path: operations_of(handler) for handler in handlers for path in handler.paths}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": dict(
            title="jupyterhub-communities",
            version=version("jupyterhub-communities"),
            description="Everything that the pages of jupyterhub-communities do. Errors are problem "
            "documents (RFC 9457) with a stable `code`, and a sentence in the language of "
            '`Accept-Language`. Long lists come a page at a time, with `Link: <…>; rel="next"`. An '
            "`ETag` can be sent as `If-None-Match`, and as `If-Match` with a change.",
        ),
        "servers": [{"url": f"{prefix}{ROOT}".rstrip("/")}],
        "paths": {
            f"/{path}": {
                method.lower(): _operation(path, method, said) for method, said in found.items()
            }
            for path, found in sorted(declared.items())
        },
        "components": {
            "schemas": _schemas(said for found in declared.values() for said in found.values()),
            "parameters": _parameters(),
            "headers": _headers(),
            "responses": {"Problem": _problem()},
            "securitySchemes": _security_schemes(hub_auth),
        },
    }


def _operation(path: str, method: str, said: Operation) -> Json:
    found: Json = {
        "operationId": "-".join(
            [method.lower(), *path.replace("{", "").replace("}", "").split("/")]
        ),
        "summary": said.summary,
        "tags": [_tag(path)],
        "parameters": _parameters_of(path, method, said),
        "responses": _responses(path, method, said),
        "security": _security(method, said),
    }
    if said.body is not None:
        found["requestBody"] = {
            "required": not said.is_body_optional,
            "content": {"application/json": {"schema": _schema(said.body)}},
        }
    return found


def _tag(path: str) -> str:
    """The noun that it is about."""
    nouns = [part for part in path.split("/") if not part.startswith("{")]
    return nouns[1] if nouns[0] == "communities" and len(nouns) > 1 else nouns[0]


def _parameters_of(path: str, method: str, said: Operation) -> list[Json]:
    names = parameters_of(path)
    if said.is_list:
        names += ["limit", "after"]
    if method == "GET" and not said.is_open:
        names.append("IfNoneMatch")
    elif said.is_versioned:
        names.append("IfMatch")
    if said.is_once:
        names.append("IdempotencyKey")
    found: list[Json] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    return found + ([] if said.query is None else _query(said.query))


def _query(model: type[BaseModel]) -> list[Json]:
    schema = model.model_json_schema(mode="validation")
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            **({"description": about} if (about := one.pop("description", None)) else {}),
            "schema": _without_null(one),
        }
        for name, one in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """What may be left out is not there; there is no null in a query."""
    found = {key: value for key, value in schema.items() if key not in ("title", "anyOf")}
    for one in schema.get("anyOf", ()):
        if one != {"type": "null"}:
            found |= one
    return {key: value for key, value in found.items() if (key, value) != ("default", None)}


def _responses(path: str, method: str, said: Operation) -> Json:
    found: Json = {str(int(said.status)): _success(method, said)}
    for status, about in said.also.items():
        found[str(status)] = {"description": about}
    if method == "GET":
        found["304"] = dict(description="It is what `If-None-Match` names.")
    refused = set(said.refuses) if said.is_open else {*_ALWAYS, *said.refuses}
    if parameters_of(path):
        refused.add(404)
    if said.body is not None:
        refused |= {415, 422}
    if said.is_once:
        refused.add(422)
    if method != "GET":
        refused.add(412)
    for status in sorted(refused):
        found[str(status)] = {"$ref": "#/components/responses/Problem"}
    return dict(sorted(found.items()))


def _success(method: str, said: Operation) -> Json:
    found: Json = {"description": said.status.phrase}
    if said.answer is None:
        return found
    found["content"] = {"application/json": {"schema": _schema(said.answer)}}
    if said.as_csv:
        found["content"]["text/csv"] = {"schema": {"type": "string"}}
    names = []
    if method == "GET" or said.is_versioned:
        names.append("ETag")
    if get_origin(said.answer) is list:
        names.append("Link")
    if said.status is HTTPStatus.CREATED:
        names.append("Location")
    if names:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return found


def _schema(answer: Any) -> Json:
    if isinstance(answer, type) and issubclass(answer, BaseModel):
        return {"$ref": _SCHEMAS.format(model=answer.__name__)}
    if get_origin(answer) is list:
        (one,) = get_args(answer)
        return {"type": "array", "items": _schema(one)}
    return {"type": "object"}


def _schemas(operations: Iterable[Operation]) -> Json:
    wanted: dict[type[BaseModel], Literal["validation", "serialization"]] = {
        answers.Problem: "serialization"
    }
    for said in operations:
        for model in said.models:
            wanted[model] = "validation" if model is said.body else "serialization"
    _, found = models_json_schema(
        sorted(wanted.items(), key=lambda one: one[0].__name__), ref_template=_SCHEMAS
    )
    schemas: Json = found["$defs"]
    schemas["Problem"]["properties"]["code"]["enum"] = _codes()
    return schemas


def _codes() -> list[str]:
    own = ["body.invalid", "not_signed_in", *(f"http.{n}" for n in (400, 403, 404, 405, 413, 415))]
    return sorted([*own, "http.500", "http.502", *(refusal.code for refusal in all_refusals())])


def _parameters() -> Json:
    found: Json = {
        name: {
            "name": name,
            "in": "path",
            "required": True,
            "description": one.description,
            "schema": {"type": "string", "pattern": f"^{one.pattern}$"},
        }
        for name, one in PARAMETERS.items()
    }
    found["limit"] = dict(
        name="limit",
        description="Entries of a page.",
        schema={
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_ENTRIES,
            "default": USUAL_ENTRIES,
        },
    )
    found["after"] = dict(
        name="after",
        description="Where the page begins, as the link to the next one says.",
        schema=_TEXT,
    )
    for name in ("limit", "after"):
        found[name]["in"] = "query"
    found["IfMatch"] = dict(
        name="If-Match",
        description="Make the change only to the version that has this `ETag`.",
        schema=_TEXT,
    )
    found["IfNoneMatch"] = dict(
        name="If-None-Match",
        description="Answer only if there is another version.",
        schema=_TEXT,
    )
    found["IdempotencyKey"] = dict(
        name="Idempotency-Key",
        description="The same request with it, within a day, is answered alike.",
        schema={**_TEXT, "pattern": "^[!-~]{1,255}$"},
    )
    for name in ("IfMatch", "IfNoneMatch", "IdempotencyKey"):
        found[name]["in"] = "header"
    return found


def _headers() -> Json:
    return {
        "ETag": dict(description="The version, and the representation.", schema=_TEXT),
        "Link": dict(
            description='The next page, with rel="next"; not there, this is the last.', schema=_TEXT
        ),
        "Location": dict(description="Where what was made can be looked at.", schema=_TEXT),
    }


def _problem() -> Json:
    schema = {"$ref": _SCHEMAS.format(model="Problem")}
    return dict(
        description="It was not done, and `code` says why.",
        content={"application/problem+json": {"schema": schema}},
    )


def _security(method: str, said: Operation) -> list[Json]:
    if said.is_open:
        return []
    session: Json = {"session": []} if method == "GET" else {"session": [], "formToken": []}
    return [*([{}] if said.is_for_strangers else []), {"hubToken": []}, session]


def _security_schemes(hub_auth: HubOAuth) -> Json:
    cookie, header = {"in": "cookie"}, {"in": "header"}
    return {
        "hubToken": dict(
            type="http",
            scheme="bearer",
            description="A token of the Hub, of a person who may use this service. "
            "`Authorization: token …` is the same.",
        ),
        "session": dict(
            cookie,
            type="apiKey",
            name=hub_auth.cookie_name,
            description="Of somebody who is signed in on the pages.",
        ),
        "formToken": dict(
            header,
            type="apiKey",
            name="X-XSRFToken",
            description="The session's form token, the value of its cookie `_xsrf`.",
        ),
    }
