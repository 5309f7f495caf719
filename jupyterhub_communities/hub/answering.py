"""Whether a server answers that runs as far as its Spawner knows.

The Hub asks a server once, when it starts. A process that hangs later is `ready` for ever: only the
person sees that their page does not come.
"""

from __future__ import annotations

from jupyterhub.spawner import Spawner
from jupyterhub.utils import make_ssl_context, url_path_join
from tornado.simple_httpclient import SimpleAsyncHTTPClient

WITHIN = 10.0  # seconds


async def answers(spawner: Spawner) -> bool:
    """Whatever it says: at the address at which the Hub waits for its first answer, which counts as
    nobody's activity."""
    settings = spawner.user.settings
    key, cert, ca = (settings.get(f"internal_ssl_{name}") for name in ("key", "cert", "ca"))
    # One of its own: those who wait here may be many, and the Hub's have their requests to the proxy.
    client = SimpleAsyncHTTPClient(force_instance=True)
    try:
        await client.fetch(
            url_path_join(spawner.server.url, "api"),
            raise_error=False,
            follow_redirects=False,
            connect_timeout=WITHIN,
            request_timeout=WITHIN,
            ssl_options=make_ssl_context(key, cert, cafile=ca) if key else None,
        )
    except Exception:
        return False
    finally:
        client.close()
    return True
