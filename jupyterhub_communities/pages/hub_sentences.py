"""What the Hub itself says to people, in the reader's language.

The Hub has no catalogues. Its sentences that somebody can meet on a page are known here by their
English text, as JupyterHub 5.5 and 6.1 and OAuthenticator 17 write it; any other stays as it is.
"""

from __future__ import annotations

import re
from datetime import timedelta

from ..i18n.messages import N_, Messages

_SENTENCES = tuple(
    (re.compile(pattern, re.IGNORECASE), sentence)
    for pattern, sentence in (
        (
            r"_xsrf.* argument|XSRF cookie does not match|Login form invalid or expired",
            N_("This form has expired. Please go back, reload the page and send it again."),
        ),
        (
            r"Spawner failed to start|failed to (start|respond)|Unhandled error starting server",
            N_("Something went wrong while your server was starting. Please try again."),
        ),
        (
            r"Timeout|timed out|didn't respond|not done after",
            N_("Your server took too long to start. Please try again."),
        ),
        (r"Spawn cancelled", N_("The start was cancelled.")),
        (
            r"Active user limit exceeded",
            N_("All servers of this hub are in use. Please try again in a few minutes."),
        ),
        (r" is already running", N_("This server is running already.")),
        (
            r"(is )?pending (spawn|stop|check|rename)",
            N_("This server is just starting or stopping. Please wait a moment."),
        ),
        (
            r"auth has expired|authentication has expired",
            N_("Your sign-in has expired. Please sign out and sign in again."),
        ),
        (
            r"OAuth (state|callback|error)|Missing code_verifier|Authentication Cancelled",
            N_("Signing in did not work. Please try again."),
        ),
        (
            r"Your server appears to be down",
            N_("Your server does not answer. Please start it again."),
        ),
    )
)
# The names of tokens and of those who hold them.
_NAMES = (
    (re.compile(r"Server at (?P<address>\S+)"), N_("Server at %(address)s")),
    (re.compile(r"JupyterHub service communities"), N_("My communities")),
    (re.compile(r"JupyterHub service (?P<name>.+)"), N_("Service %(name)s")),
    (re.compile(r"Requested via (token page|api)"), N_("Without a name")),
)
_THROTTLED = re.compile(r"Too many users trying to log in .* in (\d+) (second|minute)")


def hub_sentence(text: object, messages: Messages) -> str | None:
    """The translation of a sentence or an error of the Hub, or None where it is not known."""
    english = f"{type(text).__name__} {text}" if isinstance(text, BaseException) else str(text)
    if match := _THROTTLED.search(english):
        unit = timedelta(minutes=1) if match[2] == "minute" else timedelta(seconds=1)
        return messages.gettext(
            "Many servers are starting right now. Please try again in %(duration)s.",
            duration=messages.duration(int(match[1]) * unit),
        )
    for pattern, sentence in _NAMES:
        if match := pattern.fullmatch(english):
            return messages.gettext(sentence, **match.groupdict())
    for pattern, sentence in _SENTENCES:
        if pattern.search(english):
            return messages.gettext(sentence)
    return None
