"""A hub on one machine, for trying out: its servers share one operating system user.

`jupyterhub-communities demo` runs this file. README.md says what to change for a real hub.
"""

import os
import shutil
from pathlib import Path

from jupyterhub_communities import configure

c = get_config()  # noqa: F821 (JupyterHub provides it)
here = Path(__file__).resolve().parent
data = Path(os.environ.get("COMMUNITIES_DATA", here)).resolve()


def bring_lessons(spawner):
    """Puts the lessons into the person's home, and leaves alone what is there."""
    home = Path(spawner.home_dir)
    home.mkdir(parents=True, exist_ok=True)
    for lesson in (here / "lessons").glob("*.ipynb"):
        if not (home / lesson.name).exists():
            shutil.copyfile(lesson, home / lesson.name)


c.JupyterHub.bind_url = os.environ.get("COMMUNITIES_BIND_URL", "http://127.0.0.1:8000")
c.JupyterHub.spawner_class = "simple"  # no isolation between people: for trying out only
c.SimpleLocalProcessSpawner.home_dir_template = str(data / "homes" / "{username}")
c.Spawner.args = ["--allow-root"]
c.Spawner.pre_spawn_hook = bring_lessons
c.Authenticator.admin_users = {"operator"}

configure(c, data / "communities.yaml")
