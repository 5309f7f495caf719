"""The API's document says what there is, all of it, and nothing else."""

from __future__ import annotations

import re
import sys
from asyncio import create_subprocess_exec, subprocess
from pathlib import Path

import pytest
from houses import actor_of
from jsonschema import Draft202012Validator

from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.waiting import wait_in_line
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.refusals import all_refusals
from jupyterhub_communities.pages.refusals import STATUS
from jupyterhub_communities.service.app import API_HANDLERS
from jupyterhub_communities.service.operations import METHODS, operations_of, parameters_of

ROOT = Path(__file__).resolve().parents[2]


async def test_every_route_and_method_is_in_the_document_and_no_other(call) -> None:
    _, document, _ = await call("GET", "openapi.json", token=None)
    assert document["openapi"].startswith("3.1")
    written = {
        (f"/{path}", method)
        for handler in API_HANDLERS
        for path in handler.paths
        for method in METHODS
        if getattr(handler, method).__qualname__ != "RequestHandler._unimplemented_method"
    }
    described = {
        (path, method) for path, methods in document["paths"].items() for method in methods
    }
    assert described == written
    assert len(described) > 50


async def test_routes_of_the_application_are_those_of_the_handlers(service, world) -> None:
    undeclared = [
        (handler.__name__, method)
        for handler in API_HANDLERS
        for method in METHODS
        if method.upper() not in operations_of(handler)
        and getattr(handler, method).__qualname__ != "RequestHandler._unimplemented_method"
    ]
    assert undeclared == []
    assert all(handler.paths for handler in API_HANDLERS)


async def test_every_route_is_answered_where_the_document_says(call, world) -> None:
    values = {
        "community": "andes",
        "workshop": world.opened.workshop.slug,
        "username": "nobody",
        "invite": "0",
        "batch": "0",
        "ticket": "0",
        "offer": "0",
        "notice": "0",
        "cohort": "sur",
        "ask": "0",
        "loan": "0",
        "template": "0",
    }
    _, document, _ = await call("GET", "openapi.json")
    for path, methods in document["paths"].items():
        assert {p["$ref"].rpartition("/")[2] for m in methods.values() for p in m["parameters"]
                if "$ref" in p} >= set(parameters_of(path))  # fmt: skip
        at = path.strip("/").format(**values)
        status, _problem, headers = await call("PUT" if "put" not in methods else "POST", at)
        if status == 405:
            assert set(headers["Allow"].lower().split(", ")) == set(methods), path
        else:
            assert {"put", "post"} <= set(methods)


async def test_its_schemas_are_json_schemas_and_all_references_lead_somewhere(call) -> None:
    _, document, _ = await call("GET", "openapi.json")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)

    def references(value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in set(references(document)):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    names = [m["operationId"] for ms in document["paths"].values() for m in ms.values()]
    assert len(set(names)) == len(names)


async def test_every_code_is_there_and_every_problem_has_one(call) -> None:
    _, document, _ = await call("GET", "openapi.json")
    codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert {refusal.code for refusal in all_refusals()} <= set(codes)
    assert set(STATUS) <= set(codes)


def test_every_operation_has_a_curl_in_the_docs() -> None:
    page = (ROOT / "docs/api.md").read_text()
    shown = set()
    for options, address in re.findall(
        r"^\$ curl (.*)\"\$API/([^\"?]*)[^\"]*\"", page, re.MULTILINE
    ):
        method = re.search(r"-X (\w+)", options)
        shown.add((method[1] if method else "GET", re.sub(r"\$\w+|andes|mapas", "*", address)))
    for handler in API_HANDLERS:
        for path in handler.paths:
            for method in operations_of(handler):
                wanted = re.sub(r"\{\w+\}", "*", path)
                assert any(
                    m == method and re.fullmatch(wanted.replace("*", "[^/]+"), at.replace("*", "x"))
                    for m, at in shown
                ), f"{method} {path}"


CONFIG = """
[parameters]
"path.community" = "andes"
"path.workshop" = "{workshop}"
"path.username" = "{username}"
"path.invite" = "{invite}"
"path.batch" = "{batch}"
"path.ticket" = "{ticket}"

[checks.positive_data_acceptance]
# What fits the schema may still not hold, such as a session that ends before it starts.
expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "412", "422"]
"""


@pytest.mark.parametrize(
    ("who", "phases", "examples"), [("operator", "coverage,fuzzing", 8), ("champion", "fuzzing", 5)]
)
async def test_schemathesis_finds_nothing(
    service, call, world, tmp_path, who, phases, examples
) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    ana = actor_of(world.house, "ana")
    by_hand = NewInvite(workshop=world.opened.workshop.slug, is_by_hand=True)
    issued = world.house.call(issue_invite, ana, "andes", by_hand)
    place = world.house.call(wait_in_line, JoinRequest(issued.code, "w", "Wangari"))
    _, batch, _ = await call("POST", "communities/andes/batches", body={"names": ["Luz", "Sol"]})
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        CONFIG.format(
            workshop=world.opened.workshop.slug,
            username=world.usernames[Role.LEARNER],
            invite=issued.invite.id,
            batch=batch[0]["batch"],
            ticket=place.ticket.id,
        )
    )
    run = await create_subprocess_exec(
        str(program),
        "--config-file",
        str(config),
        "run",
        f"{service}api/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {who}",
        "--phases",
        phases,
        "--max-examples",
        str(examples),
        "--seed",
        "1",
        "--no-shrink",
        "--continue-on-failure",
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await run.communicate()
    assert run.returncode == 0, output.decode()[-60_000:]


async def test_a_workshop_of_the_hub_is_none(call) -> None:
    for what in ("held", "usage", "quotas"):
        status, problem, _ = await call("GET", f"hub/{what}?workshop=x", token="operator")
        assert (status, problem["code"]) == (404, "not_found"), what
