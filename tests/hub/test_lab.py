"""JupyterLab's settings for each language that it has a pack for."""

from __future__ import annotations

import json

import pytest

from jupyterhub_communities.hub.lab import (
    LAB_SETTINGS,
    language_environment,
    settings_dir,
    settings_files,
)
from jupyterhub_communities.i18n.negotiation import LAB_PACKS

PLUGIN = "@jupyterlab/translation-extension:plugin"


def test_every_pack_has_a_folder_of_settings_and_no_other_language_has() -> None:
    folders = {path.name for path in settings_dir().iterdir()} - {"all"}
    assert folders == {tag.replace("-", "_") for tag in LAB_PACKS}
    for name in folders:
        settings = json.loads((settings_dir() / name / LAB_SETTINGS).read_text())
        assert settings == {PLUGIN: {"locale": name}}


@pytest.mark.parametrize(
    ("tag", "locale"), [("es", "es_ES"), ("es-PE", "es_ES"), ("de", "de_DE"), ("qu", None)]
)
def test_a_language_of_an_operators_own_gets_the_pack_of_its_language(tag, locale) -> None:
    settings = json.loads(settings_files(tag)[LAB_SETTINGS])
    assert settings.get(PLUGIN, {}).get("locale") == locale


def test_programs_in_the_server_are_told_a_language_without_a_pack_too() -> None:
    assert language_environment("qu") == {"LANGUAGE": "qu_PE", "LANG": "qu_PE.UTF-8"}
    assert language_environment("ht") == {"LANGUAGE": "ht_HT", "LANG": "ht_HT.UTF-8"}
