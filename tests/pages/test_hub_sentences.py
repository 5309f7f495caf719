"""What the Hub itself says, translated where it is known."""

from pathlib import Path

import jupyterhub
import pytest

from jupyterhub_communities.i18n.messages import messages_for
from jupyterhub_communities.pages.hub_sentences import hub_sentence
from jupyterhub_communities.pages.templates import static_dir

# As a person meets it → the part of it that stands in the Hub's sources.
SAID = {
    "'_xsrf' argument missing from POST": "argument missing from",
    "XSRF cookie does not match POST argument": "XSRF cookie does not match",
    "Login form invalid or expired. Try again.": "Login form invalid or expired",
    "Spawner failed to start [status=1]. The logs for ana may contain details.": (
        "Spawner failed to start"
    ),
    "Unhandled error starting server ana": "Unhandled error starting server",
    "Spawn cancelled": "Spawn cancelled",
    "Active user limit exceeded. Try again in a few minutes.": "Active user limit exceeded",
    "Too many users trying to log in right now. Try again in 40 seconds.": (
        "Too many users trying to log in right now"
    ),
    "ana is already running": "is already running",
    "ana is pending spawn": "is pending",
    "ana's authentication has expired": "authentication has expired",
    "Server at /user/ana/": "Server at {base_url}",
    "JupyterHub service maps": "JupyterHub service {service.name}",
    "Requested via api": "Requested via api",
    "Your server appears to be down. Try restarting it <a href='/hub/home'>from the hub</a>": (
        "Your server appears to be down"
    ),
}


@pytest.fixture(scope="module")
def sources_of_the_hub() -> str:
    folder = Path(jupyterhub.__file__).parent
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))


@pytest.mark.parametrize("sentence", SAID)
def test_a_sentence_of_the_hub_is_known_and_still_the_hubs(sentence, sources_of_the_hub):
    assert SAID[sentence] in sources_of_the_hub
    spanish = hub_sentence(sentence, messages_for("es"))
    assert spanish
    assert spanish != hub_sentence(sentence, messages_for("en"))


def test_what_the_progress_page_translates_by_itself_is_still_the_hubs(sources_of_the_hub):
    script = (static_dir() / "starting.js").read_text(encoding="utf-8")
    assert 'said === "Server requested"' in script
    assert '"message": "Server requested"' in sources_of_the_hub


def test_how_long_to_wait_is_said_in_the_readers_language():
    sentence = "Too many users trying to log in right now. Try again in 2 minutes."
    assert hub_sentence(sentence, messages_for("es")) == (
        "En este momento se están iniciando muchos servidores. Inténtalo de nuevo en 2 minutos."
    )


def test_a_start_that_timed_out_is_known_by_its_error():
    sentence = hub_sentence(TimeoutError(), messages_for("en"))
    assert sentence == "Your server took too long to start. Please try again."


@pytest.mark.parametrize("unknown", [None, "", "Something new", KeyError("x")])
def test_what_is_not_known_is_left_to_the_page(unknown):
    assert hub_sentence(unknown, messages_for("es")) is None
