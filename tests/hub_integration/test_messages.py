"""What a workshop's staff tell its people, on the Hub's own home page."""

from __future__ import annotations

from jupyterhub_communities.application.messages import set_message


def test_a_learner_reads_the_message_at_home_until_it_is_taken_away(hub) -> None:
    opened, other = hub.workshop("Avisos"), hub.workshop("Otro")
    device, stranger = hub.browser(), hub.browser()
    device.join(opened.learner_invite.code, "Luz")
    device.keep_key(allow_redirects=False)
    stranger.join(other.learner_invite.code, "Inés")
    stranger.keep_key(allow_redirects=False)
    assert "Sala" not in device.get("/hub/home").text
    place = (hub.champion(), "andes", opened.workshop.slug)
    hub.house.call(set_message, *place, "Sala <B>\nTraigan agua")
    page = device.get("/hub/home").text
    assert "Sala &lt;B&gt;\nTraigan agua" in page
    assert "Avisos" in page
    assert "Sala" not in stranger.get("/hub/home").text
    hub.house.call(set_message, *place, "")
    assert "Sala" not in device.get("/hub/home").text
