"""The reader's language in the server: its environment, and JupyterLab's settings.

JupyterLab finds its language in files named by `JUPYTER_CONFIG_PATH`, as a default: what the person
chooses in JupyterLab is kept in their home and wins. A language that JupyterLab has no settings or
no pack for leaves it in English.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..i18n.negotiation import lab_locale
from ..pages.templates import share_dir

SERVER_SETTINGS = "jupyter_server_config.json"
LAB_SETTINGS = "labconfig/default_setting_overrides.json"


def language_environment(tag: str) -> dict[str, str]:
    """What programs in the server take their language from."""
    locale = lab_locale(tag)
    return {
        "LANGUAGE": locale,
        "LANG": "C.UTF-8" if locale == "en" else f"{locale}.UTF-8",
    }


def settings_dir() -> Path:
    """A folder for each of JupyterLab's locales, and `all` for what every server gets."""
    return share_dir() / "lab"


def config_path(folder: str, tag: str, others: Any = None) -> str:
    """`JUPYTER_CONFIG_PATH` of a server that finds `settings_dir` at `folder`, before `others`."""
    parts = [f"{folder}/{lab_locale(tag)}", f"{folder}/all"]
    return os.pathsep.join([*parts, others] if isinstance(others, str) else parts)


def settings_files(tag: str) -> dict[str, str]:
    """The same settings as files of one folder, for servers that do not see the Hub's: name → JSON."""
    return {
        name: json.dumps(
            {
                key: value
                for part in ("all", lab_locale(tag))
                for key, value in _read(settings_dir() / part / name).items()
            }
        )
        for name in (SERVER_SETTINGS, LAB_SETTINGS)
    }


def _read(path: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return settings
