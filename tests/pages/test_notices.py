"""Every kind of notice has a sentence in every language."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jupyterhub_communities.domain import notices
from jupyterhub_communities.domain.notices import Notice
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.pages.notices import SENTENCES, shown_notices

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("by", ["Inti", ""])
@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_every_kind_has_a_sentence_in_every_language(kind, by) -> None:
    data = {"by": by, "at": AT.isoformat(), "community": "andes", "workshop": by, "lender": by}
    notice = Notice(id="1", account_id="2", kind=kind, created_at=AT, data=data)
    sentences = {shown_notices([notice], messages_for(tag))[0].sentence for tag in offered()}
    assert len(sentences) == len(offered())
    undated = (notices.INVITE_INHERITED, notices.ROLE_GIVEN, notices.ASK_ANSWERED, notices.LENT_TO)
    if kind not in undated:
        assert all("2026" in sentence for sentence in sentences)
    if kind not in (notices.ERASURE_PLANNED, notices.ASK_ANSWERED):
        assert all(by in sentence for sentence in sentences)


def test_each_answer_to_an_ask_has_a_sentence_of_its_own_that_names_the_community() -> None:
    told = [
        Notice("1", "2", notices.ASK_ANSWERED, AT, {"community": "andes", "state": state})
        for state in ("granted", "declined", "lent")
    ]
    for tag in offered():
        sentences = {one.sentence for one in shown_notices(told, messages_for(tag))}
        assert len(sentences) == 3
        assert all("andes" in sentence for sentence in sentences)


def test_no_kind_is_without_a_sentence() -> None:
    kinds = {value for name, value in vars(notices).items() if name.isupper()}
    assert kinds == set(SENTENCES)


def test_a_kind_of_a_newer_version_is_left_out() -> None:
    notice = Notice(id="1", account_id="2", kind="from.tomorrow", created_at=AT)
    assert shown_notices([notice], messages_for("en")) == ()
