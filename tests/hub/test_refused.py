"""Refusals inside the Hub's own machinery, and what its log says of them."""

from __future__ import annotations

import logging
import sys

import pytest
from tornado.web import HTTPError

from jupyterhub_communities.domain.refusals import QuotaExceeded, UsernameReserved, Violation
from jupyterhub_communities.hub.pages import without_codes, without_refusal_traceback
from jupyterhub_communities.hub.refused import SignInRefused, SpawnRefused
from jupyterhub_communities.i18n.messages import messages_for

SPANISH = messages_for("es")
FULL = QuotaExceeded((Violation("workshop", "100 % <b>", "servers", limit=1, held=1, wanted=1),))


def test_a_refused_start_carries_its_sentence_to_every_page() -> None:
    refused = SpawnRefused(FULL, SPANISH)
    assert isinstance(refused, HTTPError)
    assert refused.status_code == 429
    assert "100 % <b>" in refused.jupyterhub_message
    assert "100 % &lt;b&gt;" in str(refused.jupyterhub_html_message)
    assert refused.reason.isascii()
    assert "100 %" in str(refused)


def test_a_refusal_of_quota_has_the_way_to_a_rescue_server_on_pages_only() -> None:
    offering = replace_offer(FULL)
    refused = SpawnRefused(offering, SPANISH, "/hub/spawn/rosa?opt-rescue=yes")
    assert 'href="/hub/spawn/rosa?opt-rescue=yes"' in str(refused.jupyterhub_html_message)
    assert "<a" not in refused.jupyterhub_message
    assert "<a" not in str(SpawnRefused(FULL, SPANISH, "/x").jupyterhub_html_message)


def replace_offer(refusal: QuotaExceeded) -> QuotaExceeded:
    return QuotaExceeded(refusal.violations, offers_rescue=True)


def test_a_refused_sign_in_carries_its_sentence_too() -> None:
    refused = SignInRefused(UsernameReserved(), SPANISH)
    assert refused.status_code == 403
    assert refused.jupyterhub_message != "This username belongs to somebody else."
    assert "username.reserved: This username" in str(refused)


def record(message: str, *args: object, error: Exception | None = None) -> logging.LogRecord:
    exc_info = None
    if error is not None:
        try:
            raise error
        except type(error):
            exc_info = sys.exc_info()
    return logging.LogRecord("JupyterHub", logging.ERROR, "x.py", 1, message, args, exc_info)


def test_a_refusal_is_logged_without_its_traceback() -> None:
    refused = record("Failed", error=SpawnRefused(FULL, SPANISH))
    assert without_refusal_traceback(refused)
    assert refused.exc_info is None
    assert refused.levelno == logging.INFO


def test_any_other_error_keeps_its_traceback() -> None:
    failed = record("Failed", error=RuntimeError("a mistake"))
    assert without_refusal_traceback(failed)
    assert failed.exc_info is not None
    assert failed.levelno == logging.ERROR


@pytest.mark.parametrize(
    "address",
    [
        "/hub/join?code=ABCD-EFGH-JKMN",
        "/hub/join?lang=es&code=ABCD-EFGH-JKMN&x=1",
        "/hub/login?next=/hub/join?code=ABCD-EFGH-JKMN",
        "/hub/login?next=%2Fhub%2Fjoin%3Fcode%3DABCD-EFGH-JKMN",
        "/hub/login?next=%2Fhub%2Fjoin%3Flang%3Des%26code%3DABCD-EFGH-JKMN",
        "/a?next=%252Fhub%252Fjoin%253Fcode%253DABCD-EFGH-JKMN",
        "/a?next=%25252Fhub%25252Fjoin%25253Fcode%25253DABCD-EFGH-JKMN",
    ],
)
def test_a_code_in_an_address_is_never_logged(address) -> None:
    logged = record("302 GET %s -> %s (%s)", address, address, "rosa")
    without_codes(logged)
    assert "ABCD" not in logged.getMessage()
    assert "(rosa)" in logged.getMessage()


@pytest.mark.parametrize("message", ["exit code=1", "200 GET /hub/home", "unicode=1", "100 %d"])
def test_what_stands_in_no_address_is_logged_as_it_is(message) -> None:
    logged = record(message)
    assert without_codes(logged)
    assert logged.msg == message


def test_a_message_whose_placeholders_do_not_fit_passes() -> None:
    assert without_codes(record("%d servers", "three"))
