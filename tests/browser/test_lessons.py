"""A lesson that nbgitpuller brings: each language from a branch of its own."""

from __future__ import annotations

import re
import subprocess
from urllib.parse import urlencode

import pytest
from hubs import COMMUNITIES, real_hub
from playwright.async_api import expect

pytestmark = pytest.mark.browser
pytest.importorskip("nbgitpuller", reason="install PyPI's package nbgitpuller")

# The real JupyterLab in place of the tests' tiny server.
REAL_LAB = 'c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser", "--allow-root"]'


def git(folder, *arguments) -> None:
    author = ["-c", "user.name=ana", "-c", "user.email=ana@andes.example"]
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    lessons = tmp_path_factory.mktemp("lessons")
    git(lessons, "init", "-q")
    links = []
    for language, name in (("es", "leccion"), ("pt-BR", "licao")):
        git(lessons, "checkout", "-q", "--orphan", language)
        git(lessons, "rm", "-rfq", "--ignore-unmatch", ".")
        (lessons / f"{name}.md").write_text(f"# {name}\n")
        git(lessons, "add", ".")
        git(lessons, "commit", "-qm", name)
        asked = {
            "repo": f"file://{lessons}",
            "branch": language,
            "targetPath": "lessons",
            "urlpath": f"lab/tree/lessons/{name}.md",
        }
        links.append(f'      {language}: "/git-pull?{urlencode(asked)}"')
    profiles = "\n".join(
        ["profiles:", "  - slug: small", "    name: Small", "    lesson:", *links, ""]
    )
    communities = COMMUNITIES.partition("profiles:")[0] + profiles
    folder = tmp_path_factory.mktemp("hub")
    with real_hub(folder, communities=communities, more=REAL_LAB) as hub:
        yield hub


async def test_the_lesson_comes_in_the_workshops_language(hub, new_device) -> None:
    opened = hub.workshop("Primeiros passos", language="pt-BR")
    page = await new_device("es-PE", width=1280)
    await page.goto(f"{hub.url}/hub/join?code={opened.learner_invite.code}")
    await page.locator("#name").fill("Iara")
    await page.get_by_role("button", name="Participar", exact=True).click()
    await page.get_by_role("button", name=re.compile("Já guardei")).click()
    await page.wait_for_url("**/lab/tree/lessons/licao.md", timeout=120_000)
    await expect(page.get_by_role("tab", name="licao.md")).to_be_visible(timeout=60_000)
