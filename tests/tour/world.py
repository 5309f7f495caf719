"""What has to be there before the tour of the demo's hub: a workshop with people in every state."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import yaml
from demos import ROOT, Demo
from hubs import attempt_in, key_in, xsrf_in

from .visits import LANGUAGES, World

TITLE = "Recorrido de páginas"
LEARNER, HELPER, DOUBLE = "Ñusta Ωmega", "Hugo Condori", "Quilla"


def make_world(demo: Demo) -> World:
    """A workshop of the champion's in a hub that other tests use too."""
    world = World(demo.hub, demo.facts["service_url"])
    champion, operator = demo.champion("andes"), demo.facts["operator"]
    api = Api(demo.facts["api_url"], champion["api_token"])
    world.facts.update(api=api, operator=Api(demo.facts["api_url"], operator["api_token"]))
    now = datetime.now(UTC)
    day = {"starts_at": now - timedelta(hours=2), "ends_at": now + timedelta(hours=3)}
    opened = api.post(
        "communities/andes/workshops",
        title=TITLE,
        language="es",
        zone="America/Lima",
        seats=30,
        sessions=[{key: time.isoformat() for key, time in day.items()}],
    )
    workshop = world.facts["workshop"] = opened["slug"]
    api.post(f"communities/andes/workshops/{workshop}/sites", name="Cusco", zone="America/Lima")

    def keep(name: str, made: dict[str, Any]) -> None:
        world.links[name] = parse_qs(urlsplit(made["link"]).query)["code"][0]
        world.secrets.add(made["code"])
        world.facts[f"invite {name}"] = made["id"]

    def invite(name: str, **wanted: Any) -> None:
        keep(name, api.post("communities/andes/invites", workshop=workshop, **wanted))

    keep("learner", opened["invite"])
    text = "La sala es la B."
    api.put(f"communities/andes/workshops/{workshop}/message", message=text)
    api.put(f"communities/andes/workshops/{workshop}/promise", role="helper")
    over = api.post(
        "communities/andes/workshops",
        title=TITLE,
        language="es",
        zone="America/Lima",
        sessions=[{key: time.isoformat() for key, time in day.items()}],
    )
    keep("over", over["invite"])
    world.facts["over"] = over["slug"]
    for tag in LANGUAGES:  # what a whole room sees is in the workshop's language
        its = {key: time.isoformat() for key, time in day.items()}
        room = api.post(
            "communities/andes/workshops",
            title=TITLE,
            language=tag,
            zone="America/Lima",
            seats=30,
            sessions=[its],
        )
        world.facts[f"room {tag}"] = room["slug"]
        keep(f"room {tag}", room["invite"])
    world.links["community"] = demo.code("es", "instructor")
    invite("helper", role="helper", seats=5)
    invite("full", seats=1)
    invite("by hand", by_hand=True)
    invite("not open", opens_at=(now + timedelta(hours=2)).isoformat())
    invite("paused", seats=3)
    invite("revoked")
    api.patch(f"communities/andes/invites/{world.facts['invite paused']}", paused=True)
    api.post(f"communities/andes/invites/{world.facts['invite revoked']}/revoke")
    batch = api.post("communities/andes/batches", workshop=workshop, names=["Luz", "Inés"])
    world.facts["batch"] = batch[0]["batch"]
    for made in batch:
        keep("personal", made)

    code = world.links["learner"]
    world.join("newcomer", code, LEARNER, keeps_key=False)
    world.join("learner", code, LEARNER)
    world.join("helper", world.links["helper"], HELPER)
    world.join("graduate", world.links["over"], "Amaru Quispe")
    api.post(f"communities/andes/workshops/{over['slug']}/close")
    share_in_the_cohort(world, api, over["slug"], now)
    given = {"usernames": [world.join("trainee", code, "Inti Mamani")]}
    api.post(f"communities/andes/workshops/{workshop}/training", **given)
    world.join("first", world.links["full"], "Killa Puma")
    world.join("double", code, DOUBLE)
    world.join("twin", code, DOUBLE, keeps_key=False)
    for tag in LANGUAGES:
        world.join(f"leaver {tag}", code, "Chaska")
    wait(world, "offered", "full", "Sumaq")
    wait(world, "in line", "full", "Wayra")
    wait(world, "asking", "by hand", "Illari")
    api.patch(f"communities/andes/invites/{world.facts['invite full']}", seats=2)
    lose_key(world, "lost")
    for who in ("found", "returned"):
        number = lose_key(world, who)
        api.post("communities/andes/keys", username=world.facts["double"], number=number)
    use_new_key(world, "returned")
    world.join("asker", world.links["room es"], "Yawar")
    raise_hand(world, "asker", world.facts["room es"], "¿Dónde está Cusco?")
    begun = api.put(f"communities/andes/workshops/{world.facts['room fr']}/rehearsal")
    world.secrets.add(begun["code"])
    api.post("communities/andes/offers", username=world.facts["learner"], role="helper")
    world.facts["operator"].put(f"hub/people/{world.facts['first']}/block")
    world.facts["operator"].post("communities/nilein/suspend", because="a test")
    world.sign_in("champion", champion["return_key"])
    world.sign_in("operator", operator["return_key"])

    world.secrets |= {*world.links.values(), operator["return_key"], champion["return_key"]}
    members = api.get("communities/andes/members")
    world.secrets |= {member["username"] for member in members}
    world.names |= {member["display_name"] for member in members}
    world.names |= {"¿Dónde está Cusco?"}
    # Founded, asked and answered by the curls of docs/api.md, where they ran before.
    curls = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    world.names |= {"La Costa", *re.findall(r'"(?:reason|answer)": "([^"]+)"', curls)}
    world.names |= {TITLE, "Cusco", "Luz", "Inés", "Primeros pasos con Python", "demo"}
    file = yaml.safe_load((ROOT / "examples/local/communities.yaml").read_text(encoding="utf-8"))
    world.names |= {name for each in file["communities"] for name in each["name"].values()}
    return world


def share_in_the_cohort(world: World, api: Api, over: str, now: datetime) -> None:
    """Something asked for, something answered, a loan to come and a workshop to hold."""
    at, reason = "communities/andes", "Curso de hidrología"
    for _ in range(2):
        asked = api.post(f"{at}/asks", limit="servers", amount="2", reason=reason)
    said = {"granted": False, "answer": "Nada hasta abril"}
    world.facts["operator"].post(f"cohorts/south/asks/{asked['id']}/answer", **said)
    tomorrow = now + timedelta(days=1)
    times = {"starts_at": tomorrow.isoformat(), "ends_at": (now + timedelta(days=2)).isoformat()}
    api.post(f"{at}/loans", to="cerrado", resource="servers", amount="1", **times)
    world.facts["template"] = api.post(f"{at}/templates", workshop=over)["id"]
    world.names |= {"south", reason, said["answer"]}


def leave_world(world: World) -> None:
    """What other tests would stumble over."""
    world.facts["operator"].post("communities/nilein/resume")


def raise_hand(world: World, who: str, workshop: str, question: str) -> None:
    at = f"/services/communities/communities/andes/workshops/{workshop}"
    device = world.people[who]
    form = {"_xsrf": xsrf_in(device.get(at)), "action": "raise", "question": question}
    assert device.post(f"{at}/help", form).ok


def wait(world: World, who: str, invite: str, name: str) -> None:
    """Somebody who stands in line for a seat, or waits to be let in."""
    device = world.people[who] = world.new_device()
    form = device.join_form(world.links[invite], name, action="wait")
    page = device.post("/hub/join", form)
    assert 'class="secret"' in page.text
    world.names.add(name)


def lose_key(world: World, who: str) -> str:
    """A browser that asks for a new key. The number that it shows."""
    device = world.people[who] = world.new_device()
    form = {"attempt": attempt_in(device.get("/hub/lost-key")), "action": "ask"}
    page = device.post("/hub/lost-key", form)
    number = re.search(r'id="number"[^>]*>([^<]+)', page.text)[1].strip()
    world.secrets.add(number)
    return number


def use_new_key(world: World, who: str) -> None:
    device = world.people[who]
    form = {"attempt": attempt_in(device.get("/hub/lost-key")), "action": "use"}
    world.secrets.add(key_in(device.post("/hub/lost-key", form)))


class Api:
    """The service's API with somebody's token."""

    def __init__(self, url: str, token: str):
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"token {token}"

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, **body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def patch(self, path: str, **body: Any) -> Any:
        return self._ask("PATCH", path, json=body)

    def put(self, path: str, **body: Any) -> Any:
        return self._ask("PUT", path, **({"json": body} if body else {}))

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self._session.request(method, self._url + path, timeout=60, **more)
        assert answer.ok, (path, answer.text)
        return answer.json() if answer.content else None
