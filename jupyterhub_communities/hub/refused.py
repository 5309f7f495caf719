"""Refusals as the Hub understands them, where it and not a page of ours answers."""

from __future__ import annotations

from http.client import TOO_MANY_REQUESTS as TOO_MANY
from http.client import responses
from typing import Any

from markupsafe import Markup, escape
from tornado.web import HTTPError

from ..domain.refusals import QuotaExceeded, Refusal
from ..i18n.messages import Messages, messages_for
from ..pages.refusals import sentence_of, status_of
from .options import rescue_sentence

try:
    from jupyterhub.spawner import SpawnException
except ImportError:  # JupyterHub 5
    SpawnException = None

_NOTHING = Markup("")


RETRY_AFTER = 60  # seconds, where it is not known when a start would pass


class RefusedMixin:
    """Carries a refusal's sentence to every page and answer that the Hub may show it on.

    Which attribute reaches the person depends on the path: with a form, `opt-…`, a slow start or
    the REST API. The log gets the code and, where it may, the sentence in English.
    """

    refusal: Refusal
    jupyterhub_message: str
    jupyterhub_html_message: Markup

    def carry(self, refusal: Refusal, sentence: str, link: Markup = _NOTHING) -> None:
        self.refusal = refusal
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = escape(sentence) + link


class SignInRefused(RefusedMixin, HTTPError):
    """A sign-in refused on a page that is not ours, such as the callback of OAuth."""

    def __init__(self, refusal: Refusal, messages: Messages):
        HTTPError.__init__(self, status_of(refusal), _logged(refusal), reason=_reason(refusal))
        self.carry(refusal, sentence_of(refusal, messages))


class SpawnRefused(RefusedMixin, SpawnException or HTTPError):  # type: ignore[misc]
    """A start that the rules turn down. `rescue_url` starts a small server to save files."""

    headers: dict[str, str]

    def __init__(
        self,
        refusal: Refusal,
        messages: Messages,
        rescue_url: str = "",
        *,
        retry_after: int = RETRY_AFTER,
    ):
        sentence = sentence_of(refusal, messages)
        link = _NOTHING
        if rescue_url and isinstance(refusal, QuotaExceeded) and refusal.offers_rescue:
            link = Markup('<br><a class="alert-link" id="rescue" href="{}">{}</a>').format(
                rescue_url, rescue_sentence(messages)
            )
        if SpawnException is None:  # its REST API answers with what is logged
            HTTPError.__init__(self, status_of(refusal), sentence, reason=_reason(refusal))
        else:
            SpawnException.__init__(
                self,
                sentence,
                reason=_reason(refusal),
                log_message=_logged(refusal),
                message_html=str(escape(sentence) + link),
                status_code=status_of(refusal),
            )
        is_of_use = status_of(refusal) == TOO_MANY and not getattr(refusal, "never", False)
        self.headers = {"Retry-After": str(retry_after)} if is_of_use else {}
        self.carry(refusal, sentence, link)


def _logged(refusal: Refusal) -> str:
    return f"{refusal.code}: {sentence_of(refusal, messages_for('en'))}"


def _reason(refusal: Refusal) -> str:
    return responses.get(status_of(refusal), "Refused")  # the status line is ASCII


def keep_failure_count(settings: dict[str, Any]) -> None:
    """JupyterHub 5 counts every refused start as a failure, and stops after a few in a row.

    Called just before a refusal is raised, so that the Hub's own +1 leaves the count as it was.
    """
    if SpawnException is None:
        settings["failure_count"] = settings.get("failure_count", 0) - 1
