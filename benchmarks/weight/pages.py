"""The pages that are weighed: this package's first ones, and the Hub's own login page."""

from __future__ import annotations

from ..signin.hubs import MeasuredHub, System, systems
from .visits import Page


def both_hubs() -> list[System]:
    """DummyAuthenticator and this package, on this environment's Hub, else alike."""
    return [system for system in systems(None) if system.name in ("dummy", "communities")]


def first_pages(hub: MeasuredHub, language: str | None = None) -> list[Page]:
    """What a stranger meets first; in a language that the link asks for, or in the browser's."""
    if hub.house is None:
        return [Page("login, the Hub's own", f"{hub.url}/hub/login", "#username_input")]
    (somebody,) = hub.newcomers(1)
    wish = "" if language is None else f"lang={language}"
    return [
        Page("join", f"{hub.url}/hub/join?code={somebody['code']}&{wish}", "#name"),
        Page("login", f"{hub.url}/hub/login?{wish}", "#code"),
    ]
