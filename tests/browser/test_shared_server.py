"""Whom a learner lets into their server gets in, and nobody before that or after it was taken back."""

from __future__ import annotations

import asyncio
import re

import apart
import pytest
import requests
from hubs import real_hub, token_of

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from tools import wait_until

pytestmark = pytest.mark.browser

# A server that asks the Hub who comes, and soon again.
CONFIG = f"""
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser", "--allow-root", "--HubOAuth.cache_max_age=1"]
c.Spawner.http_timeout = 90
c.JupyterHub.log_level = "WARN"
{apart.CONFIG}
"""
WRITTEN = "Lo que Luz ha escrito"


async def test_a_helper_gets_into_a_learners_server_until_that_is_taken_back(
    tmp_path, new_device
) -> None:
    with real_hub(tmp_path, more=CONFIG, service_host=apart.SERVICE) as hub:
        opened = hub.workshop("Compartir")
        workshop = f"communities/andes/workshops/{opened.workshop.slug}"
        request = JoinRequest(opened.learner_invite.code, "luz", "Luz")
        learner = hub.house.call(redeem_invite, request).account.username
        hub.api("POST", f"/users/{learner}").raise_for_status()
        hub.api("POST", f"/users/{learner}/server", json={"profile": "small"}).raise_for_status()
        ready = lambda: hub.user(learner)["servers"].get("", {}).get("ready")  # noqa: E731
        wait_until(ready, seconds=90)
        (tmp_path / "homes" / learner / "hola.txt").write_text(WRITTEN)

        helper = await new_device("es", width=1280)
        await helper.goto(f"http://{apart.HOST}:{hub.port}/hub/join?code={hub.bound_code('ana')}")
        await helper.locator("[name=action][value=join]").click()
        await helper.locator("form[action='/hub/welcome'] button").click()
        await helper.wait_for_url(re.compile("/user/|/hub/(spawn|home)"))
        file = f"http://{apart.server_host(learner)}:{hub.port}/user/{learner}/files/hola.txt"

        async def reads() -> bool:
            await helper.goto(file)
            if "/oauth2/authorize" in helper.url and await helper.locator("form .btn").count():
                await helper.locator("form [type=submit]").click()
                await helper.wait_for_url(file)
            return WRITTEN in await helper.content()

        tokens = {name: token_of(hub, name) for name in (learner, "ana")}

        def ask(who: str, method: str, path: str, body: object = None) -> int:
            answer = requests.request(
                method,
                f"{hub.url}/services/communities/api/v1/{workshop}/{path}",
                headers={
                    "Host": f"{apart.SERVICE}:{hub.port}",
                    "Authorization": f"token {tokens[who]}",
                },
                json=body,
                timeout=30,
            )
            return answer.status_code

        assert not await reads()
        assert ask(learner, "PUT", "help", {"question": "¿Por qué?"}) == 200
        assert ask("ana", "PUT", f"board/{learner}/help") == 200
        assert not await reads(), "she comes, and was not let in"
        assert ask(learner, "PUT", "help/access", {"minutes": 15}) == 204
        assert await reads()

        assert ask(learner, "DELETE", "help/access") == 204
        for _ in range(20):
            if not await reads():
                break
            await asyncio.sleep(1)
        assert not await reads()
