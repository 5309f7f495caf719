"""The learners, in a process of their own: reads jobs from standard input, one JSON a line.

A job says how many people sign in on which hub by which way, and how many at once; the answer, one
line too, has the seconds that each sign-in took, errors, and the CPU seconds of this process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from aiohttp import ClientError

from .ways import WAYS, Device, Person, SignInFailed, new_session


async def run(job: dict[str, Any]) -> dict[str, Any]:
    way = WAYS[job["way"]]
    people = [Person(**person) for person in job["people"]]
    places = asyncio.Semaphore(job["at_once"])
    pause = job.get("spread", 0.0) / len(people)  # seconds from one arrival to the next
    seconds: list[float] = []
    errors: list[str] = []
    keys: dict[str, str] = {}

    async def sign_in(number: int, person: Person) -> None:
        await asyncio.sleep(number * pause)
        async with places, new_session() as session:
            begun = time.perf_counter()
            try:
                key = await way(Device(session, job["url"]), person)
            except (SignInFailed, ClientError, TimeoutError) as error:
                errors.append(f"{type(error).__name__}: {error}")
                return
            seconds.append(time.perf_counter() - begun)
            if key:
                keys[person.name] = key

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(sign_in(number, person) for number, person in enumerate(people)))
    return {
        "seconds": seconds,
        "errors": errors,
        "keys": keys,
        "wall": time.perf_counter() - begun,
        "client_cpu": time.process_time() - cpu,
    }


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(asyncio.run(run(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
