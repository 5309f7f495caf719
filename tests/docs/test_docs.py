"""The docs say what is there, and what they tell people to run runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hubs import Browser, attempt_in

from jupyterhub_communities.cli import _parser
from jupyterhub_communities.config import CommunitiesFile, load_config
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.guessing import GuessingRules, chance_of_a_hit
from jupyterhub_communities.domain.refusals import all_refusals
from jupyterhub_communities.hub.profile_list import localised, read_profile_list
from jupyterhub_communities.hub.set_aside import as_named, device_kind, of_pod
from jupyterhub_communities.pages.language import current_messages, use_language
from jupyterhub_communities.storage.personal import PERSONAL
from jupyterhub_communities.storage.tables import metadata
from tools import wait_until

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))
import reference_from_code as reference  # noqa: E402

WORKSHOP = "primeros-pasos-con-python"
COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)


def blocks(page: Path, marker: str) -> list[str]:
    """The code blocks that follow a marker such as `<!-- run -->`."""
    return re.findall(
        rf"<!-- {re.escape(marker)} -->\n```\w+\n(.*?)```", page.read_text(), re.DOTALL
    )


def test_every_key_of_the_file_is_in_the_reference() -> None:
    page = reference.yaml_page()

    def check(model, prefix: str) -> None:
        for name, field in model.model_fields.items():
            inner = reference.model_of(field.annotation)
            if inner is not None:
                check(inner, f"{prefix}{name}.")
            else:
                assert f"`{prefix}{name}`" in page
                assert field.description, f"{prefix}{name} has no description"

    for field in CommunitiesFile.model_fields.values():
        check(reference.model_of(field.annotation), "")


@pytest.mark.parametrize(
    "cls", [reference.CommunityAuthenticatorMixin, reference.CommunitySpawnerMixin]
)
def test_every_trait_is_in_the_reference_with_its_help(cls) -> None:
    traits = reference.own_traits(cls)
    assert "house" in traits
    for name, trait in traits.items():
        assert trait.help, name
        assert f"`c.{cls.__name__}.{name}`" in reference.traits_page()


def test_every_command_and_refusal_is_in_the_reference() -> None:
    for name in reference.commands(_parser()):
        assert f"## {name}" in reference.cli_page()
    for refusal in all_refusals():
        assert f"`{refusal.code}`" in reference.refusals_page()


def test_what_start_tells_an_operator_to_run_runs(tmp_path) -> None:
    page = DOCS / "start.md"
    (yaml,) = blocks(page, "file: communities.yaml")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = []
    for block in blocks(page, "run"):
        for command in COMMAND.findall(block):
            done = subprocess.run(
                shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, (command, done.stderr)
            ran.append(command)
        (tmp_path / "communities.yaml").write_text(yaml)
    assert len(ran) == 7
    assert load_config(tmp_path / "communities.yaml").communities[0].slug == "andes"


def test_what_a_community_runs_to_add_its_language_runs(tmp_path) -> None:
    page = (DOCS / "own-language.md").read_text()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said = []
    for kind, name, text in re.findall(
        r"<!-- (run|file)(?:: ([^\n]+?))? -->\n```\w+\n(.*?)```", page, re.DOTALL
    ):
        if kind == "file":
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
            continue
        for command in COMMAND.findall(text):
            done = subprocess.run(
                shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, (command, done.stderr)
            said.append(done.stdout)
    begun, unfinished, offered, again, own_words = said
    assert "messages.po: made" in begun
    assert "so qu is not offered yet" in unfinished
    assert "so these are said in es" in offered
    assert "messages.po: up to date" in again
    assert own_words.endswith("communities.yaml: fine (0 communities, 0 profiles)\n")
    (example,) = re.findall(r"```po\n(#.*?)```", page, re.DOTALL)
    assert example in (tmp_path / "locale/qu/LC_MESSAGES/messages.po").read_text().replace(
        "#: share/jupyterhub-communities/templates/hub/home.html\n", ""
    )


def test_the_three_lines_are_the_same_everywhere() -> None:
    (lines,) = blocks(DOCS / "start.md", "file: jupyterhub_config.py")
    assert lines in (ROOT / "README.md").read_text()


def test_the_catalogue_of_the_profiles_page_is_a_good_file(tmp_path) -> None:
    (text,) = blocks(DOCS / "profiles.md", "file: communities.yaml")
    (tmp_path / "communities.yaml").write_text(text)
    catalogue = load_config(tmp_path / "communities.yaml").settings().catalogue
    assert [profile.slug for profile in catalogue.profiles] == ["lessons", "maps"]
    assert catalogue.get("gis").slug == "maps"


def test_the_quotas_of_the_operators_page_are_a_good_file(tmp_path) -> None:
    (text,) = blocks(DOCS / "operator.md", "file: communities.yaml")
    (tmp_path / "communities.yaml").write_text(text)
    config = load_config(tmp_path / "communities.yaml")
    andes, brasil = (declared.quota for declared in config.declarations())
    assert andes.held["servers"].share == Share(30, may_borrow=10, may_lend=20)
    assert brasil.held["servers"].share == Share(20)
    assert {one.resource for one in andes.spent} == {"memory-time", "gpu-time.a100"}


def test_the_gpu_of_the_profiles_page_counts_by_the_name_that_is_said_there(tmp_path) -> None:
    kubernetes = pytest.importorskip("jupyterhub_communities.hub.kubernetes")
    (text,) = blocks(DOCS / "profiles.md", "file: gpu.yaml")
    (tmp_path / "communities.yaml").write_text(text)
    catalogue = load_config(tmp_path / "communities.yaml").settings().catalogue
    (profile,) = catalogue.profiles
    known = kubernetes.CommunityKubeSpawner.class_trait_names()
    assert not list(kubernetes.unknown_settings(catalogue, known))
    limits = profile.overrides[0]["extra_resource_limits"]
    pod = of_pod({"containers": [{"resources": {"limits": limits}}]})
    assert as_named(pod, profile) == {"servers": 1, "gpu.a100": 1}
    assert set(pod) - {"servers"} == {"gpu.nvidia-com-gpu"}
    for name in ("gpu.nvidia-com-gpu", f"gpu.{device_kind('nvidia.com/mig-1g.5gb')}"):
        assert f"`{name}`" in (DOCS / "quotas.md").read_text()


def test_the_values_for_zero_to_jupyterhub_are_a_good_list() -> None:
    kubernetes = pytest.importorskip("jupyterhub_communities.hub.kubernetes")
    (text,) = blocks(DOCS / "profiles.md", "file: values.yaml")
    entries = kubernetes.with_slugs(yaml.safe_load(text)["singleuser"]["profileList"])
    listed = read_profile_list(entries, ["andes"])
    assert listed.mistakes == ()
    assert [profile.slug for profile in listed.catalogue.profiles] == [
        "lessons",
        "graphics-processor",
    ]
    known = kubernetes.CommunityKubeSpawner.class_trait_names()
    assert all(set(entry["kubespawner_override"]) <= set(known) for entry in entries)
    (mine,) = listed.catalogue.offered(Actor("learner"), None, None)
    with use_language("es"):
        (shown,) = localised(entries, [mine], current_messages())
    assert shown["display_name"] == "Lecciones"
    assert list(shown["profile_options"]["software"]["choices"]) == ["python"]


def test_what_a_container_image_needs_is_what_local_servers_get() -> None:
    (settings,) = blocks(DOCS / "security.md", "file: jupyter_server_config.json")
    file = ROOT / "share/jupyterhub-communities/lab/all/jupyter_server_config.json"
    assert file.read_text() == settings


# Columns that say nothing of a person, by table. Whoever adds a column decides where it belongs.
IMPERSONAL = {
    "accounts": "",
    "allowances": "scope resource span is_each quota",
    "audit": "id at action community before after request_id",
    "audit_links": "number first_id last_id count hash",
    "balances": "scope resource quota held quota_each is_shared_equally nominal may_borrow may_lend",
    "communities": "slug names language contact declared created_at retention_days cohort "
    "suspended_at "
    "suspended_because shows_people archived_at is_public",
    "grants": "id",
    "hands": "id community workshop site ended_at",
    "identities": "",
    "invites": "id community workshop site role kind batch seats taken opens_at closes_at lasts_until "
    "lasts_seconds paused_at is_by_hand created_at revoked_at code_digest code_sealed link_digest "
    "link_sealed",
    "feedback": "id community workshop useful followed missing",
    "feedback_marks": "",
    "kept_answers": "request_digest made_at",
    "key_requests": "id number created_at approved_at used_at",
    "leases": "id hub community workshop profile requested_at active_at settled_at adopted "
    "amounts metered_until metered_at ends_at warned_at stop_at stop_reason is_rescue is_hub_admin",
    "marks": "name at",
    "notices": "id",
    "redemptions": "id grant_id released_at",
    "rehearsals": "invite_id lesson_at language_at",
    "role_offers": "id community made_at ends_at",
    "sessions": "community workshop starts_at ends_at",
    "sites": "community workshop slug name zone country",
    "server_accesses": "id hub hand_id community workshop removed_at",
    "start_troubles": "hub",
    "start_tickets": "id hub community workshop amounts",
    "trainings": "id",
    "asks": "id community quota amount had reason until asked_at state answer answered_for answered_at",
    "loans": "id cohort lender borrower resource amount starts_at ends_at made_at stopped_at",
    "workshop_templates": "id community workshop title language zone sessions seats profile shared_at",
    "spent": "scope resource hour total",
    "usage": "hour scope profile gpu_kind server_time cpu_time memory_time gpu_time",
    "waiting": "id invite_id number created_at admitted_at offered_until ended_at",
    "workshops": "community slug title language zone seats profile created_at closed_at "
    "reserved reserved_at message promised is_told",
}


def test_every_column_is_listed_as_personal_or_known_not_to_be() -> None:
    for table in metadata.sorted_tables:
        personal = PERSONAL.get(table.name, frozenset())
        impersonal = set(IMPERSONAL.get(table.name, "").split())
        assert {column.name for column in table.columns} == personal | impersonal, table.name
        assert not personal & impersonal


def test_the_privacy_page_lists_all_that_is_held_about_a_person_on_one_screen() -> None:
    page = (DOCS / "privacy.md").read_text()
    listed = {}
    for row in re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", page, re.MULTILINE):
        listed[row[0]] = frozenset(re.findall(r"`(\w+)`", row[1]))
    assert listed == dict(PERSONAL)
    assert len(page.partition("**Erasure**")[0].splitlines()) <= 28


def test_the_pictures_of_the_readme_are_there() -> None:
    for name in re.findall(r"\((docs/images/[^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / name).stat().st_size > 5_000


# What others extend; and an error that looks like all others.
WITHOUT_A_PICTURE = {"service/base", "hub/404"}


def test_translators_see_every_page_in_pictures_that_weigh_little() -> None:
    shown = re.findall(
        r"^## (\S+)\.html\n\n.+\n\n!\[\1\.html\]\((images/translating/\S+\.png)\)$",
        (DOCS / "translating-pictures.md").read_text(),
        re.MULTILINE,
    )
    templates = ROOT / "share/jupyterhub-communities/templates"
    pages = {
        str(path.relative_to(templates).with_suffix(""))
        for path in templates.rglob("*.html")
        if "{% extends" in path.read_text()
    }
    assert {name for name, _ in shown} == pages - WITHOUT_A_PICTURE
    assert pages >= WITHOUT_A_PICTURE
    pictures = [DOCS / picture for _, picture in shown]
    assert set(pictures) == set((DOCS / "images/translating").iterdir())
    assert sum(path.stat().st_size for path in pictures) < 1_200_000
    for path in pictures:
        width = int.from_bytes(path.read_bytes()[16:20])  # of a PNG, in its first chunk
        assert width == 360, path


@pytest.mark.hub
def test_every_curl_of_the_api_page_runs(demo, tmp_path) -> None:
    headers = tmp_path / "headers"
    champion = demo.champion("andes")
    environment = {
        **os.environ,
        "TOKEN": champion["api_token"],
        "API": demo.facts["api_url"].rstrip("/"),
        "OPERATOR": demo.facts["operator"]["api_token"],
        "MEMBER": "",
        "INVITE": "",
        "BATCH": "",
        "OFFER": "",
        "ASK": "",
        "LOAN": "",
        "TEMPLATE": "",
        "ME": champion["username"],
        "ETAG": "*",
        "WORKSHOP": WORKSHOP,
        "CHAMPION": champion["username"],
        **lost_key_of_a_double(demo),
        **two_who_wait(demo),
        **one_who_completed(demo),
        **one_who_ends_things(demo),
        **one_with_a_server(demo),
    }
    page = (DOCS / "api.md").read_text()
    marked = re.findall(r"<!-- curl(?:: (\d{3}))? -->\n```console\n(.*?)```", page, re.DOTALL)
    commands = [(status, c) for status, block in marked for c in COMMAND.findall(block)]
    assert [c for _, c in commands] == COMMAND.findall(page), "each is run"
    for status, command in commands:
        if "$MEMBER" in command and not environment["MEMBER"]:
            environment["MEMBER"] = _field(environment, "members", "username", last=True)
        if "$LEARNER_TOKEN" in command:  # the one before it may have ended the token
            environment["LEARNER_TOKEN"] = _token_of(demo, environment["LEARNER_NAME"])
        options = f"-sS {'' if status else '--fail-with-body'} -D {headers}"
        done = subprocess.run(
            ["bash", "-c", command.replace("curl ", f"curl {options} ", 1)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if status:
            answered = headers.read_text().split(" ", 2)[1]
            assert answered == status, (command, done.stdout)
        if found := re.search(r'"return_key": "([^"]+)"', done.stdout):
            environment["RETURN_KEY"] = found[1]
        if found := re.search(r'"id": "([0-9a-f]{32})"', done.stdout):
            environment[_named(command)] = found[1]
        if found := re.search(r'"batch": "([0-9a-f]{32})"', done.stdout):
            environment["BATCH"] = found[1]
        if found := re.search(
            r"^etag: (.+?)\r?$", headers.read_text(), re.IGNORECASE | re.MULTILINE
        ):
            environment["ETAG"] = found[1]


def _named(command: str) -> str:
    """What the id that it answers is of."""
    path = re.search(r'"\$API/([^"]*)"', command)[1]
    known = {"offers": "OFFER", "asks": "ASK", "loans": "LOAN", "templates": "TEMPLATE"}
    found = next((name for part, name in known.items() if path.endswith(f"/{part}")), "INVITE")
    return "OFFER" if "/offers" in path else found


def one_who_completed(demo) -> dict[str, str]:
    """Somebody of the workshop who is to be given what it promises."""
    device = Browser(SimpleNamespace(url=demo.hub.removesuffix("/hub/")), "es")
    device.post("/hub/join", device.join_form(demo.code("es"), "Completa", action="new"))
    return {"TRAINEE": device.username()}


def one_who_ends_things(demo) -> dict[str, str]:
    """Somebody who replaces their key, signs out everywhere, and erases themselves."""
    device = Browser(SimpleNamespace(url=demo.hub.removesuffix("/hub/")), "es")
    device.post("/hub/join", device.join_form(demo.code("es"), "Termina", action="new"))
    return {"LEARNER_NAME": device.username()}


def one_with_a_server(demo) -> dict[str, str]:
    """Somebody whose server runs, for the workshop."""
    device = Browser(SimpleNamespace(url=demo.hub.removesuffix("/hub/")), "es")
    device.post("/hub/join", device.join_form(demo.code("es"), "Corre", action="new"))
    username = device.username()
    _ask_hub(demo, "POST", f"users/{username}/server")
    wait_until(
        lambda: _ask_hub(demo, "GET", f"users/{username}")["servers"].get("", {}).get("ready")
    )
    return {"RUNNER": username}


def _token_of(demo, username: str) -> str:
    return _ask_hub(demo, "POST", f"users/{username}/tokens")["token"]


def _ask_hub(demo, method: str, path: str):
    import requests

    answer = requests.request(
        method,
        f"{demo.hub}api/{path}",
        headers={"Authorization": f"token {demo.facts['operator']['api_token']}"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json() if answer.content else None


def two_who_wait(demo) -> dict[str, str]:
    """Two people whom somebody of the workshop has to let in."""
    import requests

    at = f"{demo.facts['api_url'].rstrip('/')}/communities/andes"
    token = {"Authorization": f"token {demo.champion('andes')['api_token']}"}
    body = {"workshop": WORKSHOP, "by_hand": True}
    invite = requests.post(f"{at}/invites", json=body, headers=token, timeout=30).json()
    hub = SimpleNamespace(url=demo.hub.removesuffix("/hub/"))
    for name in ("Primera", "Segunda"):
        device = Browser(hub, "es")
        form = {**device.join_form(invite["code"], name), "action": "wait"}
        device.post("/hub/join", form)
    waiting = requests.get(f"{at}/workshops/{WORKSHOP}/waiting", headers=token, timeout=30).json()
    first, second = (one["id"] for one in waiting if one["invite"] == invite["id"])
    return {"TICKET": first, "OTHER_TICKET": second}


def lost_key_of_a_double(demo) -> dict[str, str]:
    """Somebody who joined twice, and has lost the key of the second account."""
    hub = SimpleNamespace(url=demo.hub.removesuffix("/hub/"))
    for _ in range(2):
        device = Browser(hub, "es")
        form = device.join_form(demo.code("es"), "Doble", action="new")
        device.post("/hub/join", form)
    form = {"attempt": attempt_in(device.get("/hub/lost-key")), "action": "ask"}
    number = re.search(r'id="number"[^>]*>([^<]+)', device.post("/hub/lost-key", form).text)
    return {"LEARNER": device.username(), "NUMBER": number[1]}


def _field(environment, path: str, field: str, *, last: bool) -> str:
    import requests

    answer = requests.get(
        f"{environment['API']}/communities/andes/{path}",
        headers={"Authorization": f"token {environment['TOKEN']}"},
        timeout=30,
    ).json()
    return answer[-1 if last else 0][field]


def test_the_arithmetic_of_guessing_is_that_of_the_rules() -> None:
    page = (DOCS / "security.md").read_text()
    rules = GuessingRules()
    formula = re.search(r"^\((.+)\) × 1,000 / 2\^55 = ([0-9.]+),", page, re.MULTILINE)
    assert formula[1] == f"{rules.per_second:.0f} × {90 * 86_400:,} + {rules.burst} × 91"
    assert float(formula[2]) == pytest.approx(chance_of_a_hit(rules), rel=0.01)
    own = dict(re.findall(r"guesses_(\w+) = ([0-9.]+)$", page, re.MULTILINE))
    assert GuessingRules(live_codes=int(own["live_codes"]), per_second=float(own["per_second"])), (
        "the example keeps the promise"
    )
