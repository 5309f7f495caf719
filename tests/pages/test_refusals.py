"""Every refusal has a status and a sentence, in every language."""

from __future__ import annotations

import typing
from dataclasses import MISSING, fields
from datetime import UTC, datetime

import pytest

from jupyterhub_communities.domain.refusals import Refusal, Violation, all_refusals
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.pages.refusals import STATUS, sentence_of, status_of

EXAMPLES = {
    "datetime": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "str": "America/Lima",
    "int": 5,
    "LocalText": {"en": "Small", "es": "Pequeño"},
    "tuple[str, ...]": ("json", "csv"),
    "tuple[int, ...]": (17, 212, 9004),
    "tuple[Violation, ...]": tuple(
        Violation(scope=scope, name="Andes", resource="servers", limit=limit, held=limit, wanted=1)
        for scope in ("hub", "community", "workshop")
        for limit in (1, 3)
    ),
}


def example(kind: type[Refusal]) -> Refusal:
    wanted = (
        [f for f in fields(kind) if f.default is MISSING]
        if hasattr(kind, "__dataclass_fields__")
        else []
    )
    values = {f.name: EXAMPLES[typing.cast(str, f.type)] for f in wanted}
    if "resource" in values:
        values["resource"] = "memory"
    return kind(**values)


@pytest.mark.parametrize("kind", all_refusals(), ids=lambda kind: kind.code)
def test_every_refusal_has_a_status_and_a_sentence_in_every_language(kind) -> None:
    refusal = example(kind)
    assert 400 <= status_of(refusal) < 600
    sentences = {tag: sentence_of(refusal, messages_for(tag)) for tag in offered()}
    assert all(s.endswith((".", "!", "?")) for s in sentences.values()), sentences
    assert len(set(sentences.values())) == len(offered()), "each language has its own"


def test_no_status_is_left_over() -> None:
    assert set(STATUS) == {kind.code for kind in all_refusals()}


def test_a_stranger_is_told_the_same_of_unknown_closed_and_revoked_codes() -> None:
    from jupyterhub_communities.domain.refusals import InviteClosed, InviteRevoked, InviteUnknown

    english = messages_for("en")
    known = [
        InviteClosed(closed_at=EXAMPLES["datetime"], contact="x@y.example"),
        InviteRevoked(contact="x@y.example"),
    ]
    assert len({(sentence_of(r, english), status_of(r)) for r in known}) == 1
    assert sentence_of(known[0], english).startswith(sentence_of(InviteUnknown(), english))
