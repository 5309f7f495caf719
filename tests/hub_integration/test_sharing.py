"""Access to a learner's server: given to one person and taken back, at a real hub."""

from __future__ import annotations

import asyncio

from hubs import ADMIN_TOKEN

from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.hub.client import HubClient


def test_one_person_is_let_into_one_server_until_that_is_taken_back(hub) -> None:
    opened = hub.workshop("Compartir")
    learner, helper = hub.browser(), hub.browser()
    for device, name in ((learner, "Luz"), (helper, "Hugo")):
        device.join(opened.learner_invite.code, name)
        device.keep_key(allow_redirects=False)
    owner, guest = learner.username(), helper.username()
    key = ServerKey(owner)
    client = HubClient(f"{hub.url}/hub/api", ADMIN_TOKEN)
    asyncio.run(client.start_server(key))

    def scopes() -> list[str]:
        shares = hub.api("GET", f"/users/{guest}/shared").json()["items"]
        return [scope for share in shares for scope in share["scopes"]]

    asyncio.run(client.share_server(key, guest))
    assert scopes() == [f"access:servers!server={owner}/"]
    asyncio.run(client.unshare_server(key, guest))
    assert scopes() == []
    asyncio.run(client.unshare_server(key, guest))
    asyncio.run(client.unshare_server(ServerKey("nobody-of-this-name"), guest))
    asyncio.run(client.stop_server(key))
