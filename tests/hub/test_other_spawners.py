"""What a profile sets on Spawners of other projects, read where each of them hands it on."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from houses import make_house, open_taller
from jupyterhub.objects import Hub, Server
from jupyterhub.orm import Spawner as OrmSpawner
from traitlets.config import Config

from jupyterhub_communities import configure, with_communities
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.cli import main
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.profiles import Option, Profile, ProfileChoice

BIG = Profile(
    slug="big",
    names={"en": "Big"},
    milli_cpu=1500,
    memory=512 * 2**20,
    environment={"COURSE": {"en": "novice", "es": "novato"}},
    choices=(
        ProfileChoice(
            slug="image",
            names={"en": "Image"},
            options=(
                Option(slug="base", names={"en": "Base"}, images={"en": "lab:1", "es": "lab:es"}),
            ),
        ),
    ),
)


class User:
    """As much of the Hub's user as a manifest needs."""

    name = escaped_name = "maria-abcde"
    id = 1
    url = "/user/maria-abcde/"
    server = None
    admin = False
    settings: dict = {}


class SystemUser(User):
    """BatchSpawner looks the account's home up."""

    name = escaped_name = "nobody"


@pytest.fixture
def plan_and_house(tmp_path):
    house = make_house(tmp_path, profiles=(BIG,))
    opened = open_taller(house, profile="big")
    request = JoinRequest(opened.learner_invite.code, "a", "María", proposed_username=User.name)
    house.call(redeem_invite, request)
    yield house.call(admit, StartRequest("lease", ServerKey(User.name))), house
    house.close()


def planned(plan_and_house, spawner_class, user=None, **traits):
    plan, house = plan_and_house
    spawner = with_communities(spawner_class)(
        user=user or User(), hub=Hub(), orm_spawner=OrmSpawner(name=""), house=house, **traits
    )
    spawner.server = Server()
    spawner.api_token = "token"
    spawner._apply_plan(plan)
    return spawner


@pytest.fixture
def engine():
    """As much of Docker's API as takes an order; nothing is run."""
    orders = []

    class Engine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """No container yet; then the one that was made."""
            is_made = bool(orders)
            ports = {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9"}]}
            self.answer(
                200 if is_made else 404,
                {"Id": "c1", "message": "", "NetworkSettings": {"Ports": ports}},
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "/create" in self.path:
                orders.append(json.loads(body))
            self.answer(201, {"Id": "c1", "Warnings": []})

        def answer(self, status: int, said: dict) -> None:
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", orders
    server.shutdown()
    server.server_close()
    thread.join()


async def test_what_docker_is_asked_for(plan_and_house, engine) -> None:
    url, orders = engine
    spawner = docker_for(plan_and_house, url)
    await spawner.create_object()
    (order,) = orders
    assert order["Image"] == "lab:es"
    assert {"COURSE=novato", "LANGUAGE=es_ES"} <= set(order["Env"])
    assert order["HostConfig"]["Memory"] == 512 * 2**20
    assert order["HostConfig"]["CpuQuota"] == 150_000
    assert order["HostConfig"]["CpuPeriod"] == 100_000


def docker_for(plan_and_house, url, **traits):
    from dockerspawner import DockerSpawner

    return planned(
        plan_and_house,
        DockerSpawner,
        client_kwargs={"base_url": url, "version": "1.43"},
        cmd=["lab"],
        pull_policy="skip",
        **traits,
    )


@pytest.mark.parametrize("allowed", [{}, ["other:1"], {"lab:es": "evil:1"}, "*"])
@pytest.mark.parametrize(
    "options",
    [
        {"profile": "big", "choice-image": "base"},
        {"profile": "big", "choice-image": "base", "image": "other:1"},
        {"image": "other:1"},
    ],
)
async def test_dockers_own_list_of_images_neither_offers_one_nor_stands_in_the_way(
    plan_and_house, engine, allowed, options
) -> None:
    url, orders = engine
    spawner = docker_for(plan_and_house, url, allowed_images=allowed)
    spawner.user_options = options
    await spawner.start()
    assert [order["Image"] for order in orders] == ["lab:es"]


@pytest.mark.parametrize(
    ("profiles", "remove", "stops"),
    [
        ("[{slug: a, name: A}, {slug: b, name: B}]", None, True),
        ("[{slug: a, name: A}, {slug: b, name: B}]", True, False),
        ("[{slug: a, name: A}]", None, False),
        ("[]", None, False),
    ],
)
def test_a_container_that_would_bring_an_earlier_profile_back_is_told_at_the_start(
    tmp_path, monkeypatch, profiles, remove, stops
) -> None:
    from dockerspawner import DockerSpawner, SwarmSpawner

    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    (tmp_path / "communities.yaml").write_text(f"profiles: {profiles}")
    c = Config()
    c.JupyterHub.spawner_class = DockerSpawner
    if remove is not None:
        c.DockerSpawner.remove = remove
    if stops:
        with pytest.raises(SystemExit, match=r"DockerSpawner\.remove = True"):
            configure(c)
        c.JupyterHub.spawner_class = SwarmSpawner  # it keeps none
    configure(c)
    c.CommunitySpawnerMixin.house.close()


async def test_what_slurm_is_asked_for(plan_and_house) -> None:
    from batchspawner import SlurmSpawner

    spawner = planned(plan_and_house, SlurmSpawner, user=SystemUser())
    script = await spawner._get_batch_script(**spawner.get_req_subvars(), cmd="lab")
    assert "#SBATCH --mem=512M" in script
    assert "#SBATCH --cpus-per-task=2" in script
    assert spawner.get_env()["COURSE"] == "novato"
    (kept,) = [line for line in script.splitlines() if "--export=" in line]
    assert {"COURSE", "LANGUAGE"} <= set(kept.partition("=")[2].split(","))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("SlurmSpawner", ["#SBATCH --mem=512M", "#SBATCH --cpus-per-task=2"]),
        ("MultiSlurmSpawner", ["#SBATCH --mem=512M"]),
        ("TorqueSpawner", ["#PBS -l mem=512mb", "#PBS -l nodes=1:ppn=2"]),
        ("MoabSpawner", ["#PBS -l mem=512mb", "#PBS -l nodes=1:ppn=2"]),
        ("PBSSpawner", ["#PBS -l select=1:ncpus=2:mem=512mb"]),
        ("CondorSpawner", ["RequestMemory = 512", "RequestCpus = 2"]),
    ],
)
async def test_each_scheduler_is_asked_in_its_own_units(plan_and_house, name, lines) -> None:
    import batchspawner

    spawner = planned(plan_and_house, getattr(batchspawner, name), user=SystemUser())
    script = await spawner._get_batch_script(**spawner.get_req_subvars(), cmd="lab")
    assert set(lines) <= set(script.splitlines())


@pytest.mark.parametrize(
    ("name", "traits", "memory"),
    [
        # Their job scripts have no memory; an operator's own may.
        ("GridengineSpawner", {"batch_script": "#$ -l h_vmem={memory}"}, "#$ -l h_vmem=512M"),
        ("LsfSpawner", {"batch_script": "#BSUB -M {memory}"}, "#BSUB -M "),
        (
            "LsfSpawner",
            {"batch_script": "#BSUB -M {memory}", "batch_memory": "{}MB"},
            "#BSUB -M 512MB",
        ),
    ],
)
async def test_memory_in_a_job_script_of_the_operators(
    plan_and_house, name, traits, memory
) -> None:
    import batchspawner

    spawner = planned(plan_and_house, getattr(batchspawner, name), user=SystemUser(), **traits)
    assert await spawner._get_batch_script(**spawner.get_req_subvars(), cmd="lab") == memory


@pytest.mark.parametrize(
    ("memory", "traits", "warns"),
    [("512M", {}, True), ("512M", {"batch_memory": "{}MB"}, False), (None, {}, False)],
)
def test_a_unit_that_is_not_known_is_told_at_the_start(
    tmp_path, monkeypatch, caplog, memory, traits, warns
) -> None:
    from batchspawner import LsfSpawner

    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    size = f", memory: {memory}" if memory else ""
    (tmp_path / "communities.yaml").write_text(f"profiles: [{{slug: p, name: P{size}}}]")
    c = Config()
    c.JupyterHub.spawner_class = LsfSpawner
    c.CommunitySpawnerMixin.update(traits)
    with caplog.at_level("WARNING"):
        configure(c)
    assert ("left out of the jobs of CommunityLsfSpawner" in caplog.text) is warns
    c.CommunitySpawnerMixin.house.close()


def test_what_systemd_is_asked_for(plan_and_house) -> None:
    from systemdspawner import SystemdSpawner

    spawner = planned(plan_and_house, SystemdSpawner)
    # Its `start` makes these MemoryMax and CPUQuota.
    assert (spawner.mem_limit, spawner.cpu_limit) == (512 * 2**20, 1.5)
    assert spawner.get_env()["COURSE"] == "novato"
