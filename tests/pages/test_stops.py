"""What is said of a server's end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_communities.application.running import ComingStop
from jupyterhub_communities.domain.stops import StopReason
from jupyterhub_communities.i18n.messages import messages_for, offered
from jupyterhub_communities.pages.stops import reason_in_words, shown_stops

AT = datetime(2026, 3, 2, 17, 5, tzinfo=UTC)


def test_a_warning_says_when_by_the_workshops_clocks_and_why() -> None:
    stop = ComingStop("", AT, "America/Lima", StopReason.WORKSHOP_ENDED)
    (shown,) = shown_stops([stop], messages_for("es"))
    assert shown.is_warning
    assert shown.sentence == (
        "Tu servidor se detiene el 2 de marzo de 2026, 12:05 (hora de Perú). Guarda tu trabajo "
        "antes. Para entonces el taller habrá terminado."
    )


def test_warnings_come_first_and_named_servers_are_told_apart() -> None:
    stops = [
        ComingStop("", AT, "UTC", None),
        ComingStop("second", AT + timedelta(hours=1), "UTC", StopReason.MAX_SESSION),
    ]
    first, last = shown_stops(stops, messages_for("en"))
    assert "Your server second stops on March 2, 2026" in first.sentence
    assert last.sentence.startswith("Your server runs until March 2, 2026")
    assert not last.is_warning


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_has_a_sentence_in_every_language(reason) -> None:
    said = {reason_in_words(reason, messages_for(tag)) for tag in offered()}
    assert len(said) == len(offered())
