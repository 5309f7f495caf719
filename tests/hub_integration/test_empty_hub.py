"""A hub on which nobody can sign in yet."""

from __future__ import annotations

from hubs import real_hub, text_of


def test_a_hub_without_upstream_or_invite_tells_its_operator_what_to_run(tmp_path) -> None:
    with real_hub(tmp_path) as hub:
        said = text_of(hub.browser().get("/hub/login"))
        assert "Todavía nadie puede entrar." in said
        assert "jupyterhub-communities invite --for NAME" in said
        hub.bound_code("operator")
        assert "Todavía nadie puede entrar." not in text_of(hub.browser().get("/hub/login"))
