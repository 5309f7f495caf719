"""A hub on which nobody can sign in yet."""

from __future__ import annotations

from hubs import text_of


def test_a_hub_without_upstream_or_invite_tells_its_operator_what_to_run(hub) -> None:
    assert "Todavía nadie puede entrar." in hub.said_at_first
    assert "jupyterhub-communities invite --for NAME" in hub.said_at_first
    hub.bound_code("operator")
    assert "Todavía nadie puede entrar." not in text_of(hub.browser().get("/hub/login"))
