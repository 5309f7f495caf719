"""jupyterhub-usage-quotas, in a Python of its own: what its spawn hook asks, timed, as often as told.

Reads lines of JSON (`window`, `people`) and answers each with the seconds that each decision took.
"""

import asyncio
import json
import sys
from time import perf_counter

from jupyterhub_usage_quotas.manager import UsageQuotaManager  # type: ignore
from traitlets.config import Config


def manager(url: str, window: int) -> UsageQuotaManager:
    config = Config()
    config.UsageQuotaManager.prometheus_url = url
    config.UsageQuotaManager.hub_namespace = "hub"
    config.UsageQuotaManager.policy = [
        {"resource": "memory", "limit": "100000G", "window": window, "scope": {"group": ["andes"]}}
    ]
    return UsageQuotaManager(config=config)


async def main(url: str) -> None:
    managers: dict[int, UsageQuotaManager] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        window = asked["window"]
        deciding = managers.setdefault(window, manager(url, window))
        seconds = []
        for name in asked["people"]:
            began = perf_counter()
            answer = await deciding.enforce(name, ["andes"])
            seconds.append(perf_counter() - began)
            if not answer["allow_server_launch"] or not answer["quota"]["pure_used"]:
                sys.exit(f"nothing was found of {name}: {answer}")
        print(json.dumps(seconds), flush=True)
    for deciding in managers.values():
        await deciding.prometheus_client.close()


asyncio.run(main(sys.argv[1]))
