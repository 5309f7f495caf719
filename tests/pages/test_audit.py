"""Every change leaves an entry: with its request, without names or secrets, and with a sentence."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import jupyterhub_communities.application as application
from jupyterhub_communities.domain.audit import AuditEntry, canonical, months_before, published
from jupyterhub_communities.domain.grants import Verb
from jupyterhub_communities.pages.audit import OF_THE_HUB, SENTENCES

FOLDER = Path(application.__file__).parent
# What writes to the database and leaves no entry of its own, and why.
WITHOUT_ENTRY = {
    "audit.chain_step": "chains the entries",
    "ending.note_ends_carried_out": "how far a timer has come",
    "erasure.forget_tickets": "names that have had their time",
    "hands.note_removed": "what the Hub was told: the end has its own",
    "feedback.give_feedback": "it would say who answered, and when, beside answers without either",
    "feedback.view_results": "that nobody answers any more",
    "key_requests.ask_for_key": "a stranger's browser: nothing changes until somebody approves",
    "notices.put_notice_away": "the person's own, and read",
    "repeating.forget_answers": "answers that have had their day",
    "repeating.once": "the verb within writes its own",
    **dict.fromkeys(
        [
            "board.end_trouble",
            "board.note_trouble",
            "leases._admit",
            "leases.activate",
            "leases.settle",
            "leases.settle_server",
            "line.leave_line",
            "line.note_seen",
            "line.take_ticket",
            "metering.meter_step",
            "reconciling.mend_leases",
            "reconciling.recount",
            "running.plan_stops",
        ],
        "starts and stops: leases and usage are records of their own",
    ),
    **dict.fromkeys(
        [
            "waiting.find_place",
            "waiting.leave_line",
            "waiting.pass_seats_on",
            "waiting.wait_in_line",
        ],
        "a stranger's place in line holds nothing",
    ),
}


@cache
def modules() -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text()) for path in sorted(FOLDER.glob("*.py"))}


@cache
def functions() -> dict[str, ast.FunctionDef]:
    return {
        f"{module}.{node.name}": node
        for module, tree in modules().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def called(node: ast.AST) -> set[str]:
    """The names of what is called or handed on in a function."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def begins_to_write(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == "write" for n in ast.walk(node))


@cache
def recording() -> frozenset[str]:
    """The functions that write an entry, themselves or by one that they call."""
    calls = {name.partition(".")[2]: called(node) for name, node in functions().items()}
    found = {"record", "record_each"}
    while more := {name for name, names in calls.items() if names & found} - found:
        found |= more
    return frozenset(found)


def test_every_verb_that_changes_something_writes_an_entry() -> None:
    writing = {name for name, node in functions().items() if begins_to_write(node)}
    assert len(writing) > 40, "the walk finds them"
    silent = {name for name in writing if name.partition(".")[2] not in recording()}
    assert sorted(silent) == sorted(WITHOUT_ENTRY)


def test_entries_are_made_in_one_place_so_that_each_has_its_request() -> None:
    makers = {
        module
        for module, tree in modules().items()
        if any(isinstance(n, ast.Name) and n.id == "AuditEntry" for n in ast.walk(tree))
    }
    assert makers <= {"audit", "ports", "trail"}
    constructors = {
        module
        for module, tree in modules().items()
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "AuditEntry"
    }
    assert constructors == {"audit"}


def actions() -> set[str]:
    """All that verbs write: as it stands there, or as the name of a verb."""
    found = set()
    for tree in modules().values():
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.fullmatch(r"[a-z-]+:[a-z-]+", text):
                found.add(text)
            is_verb = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if is_verb and node.value.id == "Verb":
                found.add(Verb[node.attr].value)
    read_only = {verb.value for verb in Verb if "view" in verb or verb in (Verb.TRY_QUOTA,)}
    return found - read_only - {Verb.SHOW_CODE.value}


def test_every_action_has_a_sentence() -> None:
    assert len(actions()) > 30
    assert actions() <= set(SENTENCES)
    assert set(SENTENCES) <= actions(), "no sentence for what nobody does"
    assert set(OF_THE_HUB) <= set(SENTENCES)


def test_small_counts_are_not_told() -> None:
    assert published({"b:c": 5, "a:b": 4, "c:d": 1}) == {"a:b": None, "b:c": 5, "c:d": None}


def test_months_go_back_over_the_new_year() -> None:
    from datetime import UTC, datetime

    assert months_before(datetime(2026, 2, 28, 13, tzinfo=UTC), 5) == datetime(
        2025, 9, 1, tzinfo=UTC
    )
    assert months_before(datetime(2025, 12, 31, tzinfo=UTC), -1) == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_entrys_bytes_do_not_depend_on_the_order_of_its_fields() -> None:
    from datetime import UTC, datetime

    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    one = AuditEntry(at, "a", "b:c", "d", before={"x": 1, "ñ": [1]}, id=1)
    other = AuditEntry(at, "a", "b:c", "d", before={"ñ": [1], "x": 1}, id=1)
    assert canonical(one) == canonical(other)
    assert b"\xc3" not in canonical(one), "ASCII, whatever a database does with letters"
    assert inspect.signature(AuditEntry).parameters.keys() == set(
        __import__("json").loads(canonical(one))
    ), "a column that is added is in the chain"
