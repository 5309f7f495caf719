"""Compiles the message catalogues into every build, editable ones too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogueHook(BuildHookInterface):
    """Writes the `.mo` beside each `.po`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        locale = Path(self.root) / "jupyterhub_communities" / "i18n" / "locale"
        for po in locale.glob("*/LC_MESSAGES/messages.po"):
            with po.open("rb") as file:
                catalogue = read_po(file)
            new = po.with_suffix(".new")  # others may be reading the one that is there
            with new.open("wb") as file:
                write_mo(file, catalogue)
            new.replace(po.with_suffix(".mo"))
            print(f"compiled {po.relative_to(self.root)}", file=sys.stderr)
