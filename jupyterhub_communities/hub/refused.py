"""A start that the rules turn down, as the Hub understands it."""

from __future__ import annotations

from http.client import responses
from typing import Any

from markupsafe import escape
from tornado.web import HTTPError

from ..domain.refusals import Refusal
from ..i18n.messages import Messages
from ..pages.refusals import sentence_of, status_of

try:
    from jupyterhub.spawner import SpawnException
except ImportError:  # JupyterHub 5
    SpawnException = None


class SpawnRefused(SpawnException or HTTPError):  # type: ignore[misc]
    """Carries the sentence to every page and answer that the Hub may show it on.

    Which attribute reaches the person depends on the path: with a form, `opt-…`, a slow start or
    the REST API.
    """

    def __init__(self, refusal: Refusal, messages: Messages):
        sentence = sentence_of(refusal, messages)
        status = status_of(refusal)
        reason = responses.get(status, "Refused")  # the status line is ASCII
        if SpawnException is not None:
            super().__init__(
                sentence,
                reason=reason,
                log_message=sentence,
                message_html=str(escape(sentence)),
                status_code=status,
            )
        else:
            super().__init__(status, sentence.replace("%", "%%"), reason=reason)
        self.refusal = refusal
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = escape(sentence)


def keep_failure_count(settings: dict[str, Any]) -> None:
    """JupyterHub 5 counts every refused start as a failure, and stops after a few in a row.

    Called just before a refusal is raised, so that the Hub's own +1 leaves the count as it was.
    """
    if SpawnException is None:
        settings["failure_count"] = settings.get("failure_count", 0) - 1
