"""What the two doors agree on where the Hub starts the service: names, and what was told already.

Neither door is imported here: the service would wait for the Hub's code, and the Hub for the service's.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from .app import read_languages
from .i18n.messages import use_custom

SERVICE_NAME = "communities"
TOLD_VARIABLE = "COMMUNITIES_MISTAKES_TOLD"  # what the Hub has said of the catalogues
UPSTREAM_VARIABLE = "COMMUNITIES_HAS_UPSTREAM"  # set where an account elsewhere can be linked
APART_VARIABLE = "COMMUNITIES_SERVERS_APART"  # set where each server has a host of its own
_MOST_TOLD = 20  # lines


def as_read(path: Path) -> Path:
    """The copy of the file as the hub has read it."""
    return path.with_name(f".{path.name}.running")


def use_languages(path: Path) -> list[str]:
    """Puts the operator's catalogues over ours, in this process. Answers what is wrong in them or
    left to translate: that is left out, so that the hub starts."""
    languages = read_languages(path)
    use_custom(languages.offered)
    return [*languages.mistakes, *languages.notes]


def tell(found: list[str], log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
    for line in found[:_MOST_TOLD]:
        log.warning("Languages: %s", line)
    if len(found) > _MOST_TOLD:
        rest = len(found) - _MOST_TOLD
        log.warning("Languages: %d more: run jupyterhub-communities check", rest)


def digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
