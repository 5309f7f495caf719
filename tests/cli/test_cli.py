"""What the operator types, and what is said to that."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

import pytest
from translations import write_language, write_sentences

from jupyterhub_communities.app import open_house
from jupyterhub_communities.application.invites import look_up_invite
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.cli import main
from jupyterhub_communities.domain.access import Access

FILE = """\
communities:
  - slug: andes
    name: Andes
    champions: [ana]
    quota: {servers: 4}
"""


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder of its own, without the second that Python takes to begin."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        return Done(main(arguments), *capsys.readouterr())

    return run


@pytest.fixture
def ready(run, tmp_path):
    assert run("init").returncode == 0
    (tmp_path / "communities.yaml").write_text(FILE)
    return run


def test_init_makes_file_key_and_database_once(run, tmp_path) -> None:
    first = run("init")
    key = (tmp_path / "communities.key").read_text()
    second = run("init")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "Back it up" in first.stdout
    assert second.stdout.count("kept") == 2
    assert (tmp_path / "communities.key").read_text() == key
    assert run("check").returncode == 0


@pytest.mark.parametrize(("command", "status"), [("init", 0), ("check", 2)])
def test_a_shell_gets_what_the_command_answered(tmp_path, command, status) -> None:
    program = [sys.executable, "-m", "jupyterhub_communities", command]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert (done.stdout == "", done.stderr == "") == (status != 0, status == 0)


def test_apply_shows_what_changes_then_nothing(ready) -> None:
    dry = ready("apply", "--dry-run")
    assert "quota hub/andes servers: none → 4" in dry.stdout
    assert "Nothing was written" in dry.stdout
    assert "Applied: 3 changes." in ready("apply").stdout
    assert ready("apply").stdout == "Nothing to change.\n"


def test_invite_prints_a_code_that_opens_something(ready, tmp_path) -> None:
    done = ready("invite", "--for", "Operator")
    code = re.search(r"Code for operator: (\S+)", done.stdout)[1]
    house = open_house(tmp_path / "communities.yaml")
    assert house.call(look_up_invite, code).invite.bound_username == "operator"
    house.close()


@pytest.mark.parametrize("name", ["", "  ", "a b", "a/b", "turn\u202earound", "bell\x07"])
def test_a_name_that_cannot_be_a_username_is_refused(ready, name) -> None:
    done = ready("invite", "--for", name)
    assert done.returncode == 2
    assert "no blanks and no slash" in done.stderr


def test_a_name_longer_than_the_hubs_is_refused(ready) -> None:
    done = ready("invite", "--for", "a" * 256)
    assert (done.returncode, done.stderr) == (2, "A Hub username has at most 255 characters\n")


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ("postgresql+pg8000://name:secret@127.0.0.1/x", "a URL that begins with postgresql://"),
        ("postgresql://name:secret@127.0.0.1:1/x", "does not answer"),
        ("postgresql://name:secret@127.0.0.1:1/x", "Connection refused"),
        ("postgresql+none://name:secret@127.0.0.1/x", "expected a file name, or a URL"),
        ("postgresql://name:secret@host:port/x", "expected a file name, or a URL"),
        ("nowhere/communities.sqlite", "does not answer"),
    ],
)
@pytest.mark.parametrize("command", ["init", "apply", "upgrade-db"])
def test_a_database_that_cannot_be_opened_is_a_sentence(
    ready, tmp_path, command, database, sentence
):
    (tmp_path / "communities.yaml").write_text(f"hub: {{database: '{database}'}}")
    done = ready(command)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert sentence in done.stderr
    assert "secret" not in done.stderr


def test_a_url_of_postgresql_without_its_package_is_told_how_to_install_it(ready, tmp_path) -> None:
    (tmp_path / "communities.yaml").write_text("hub: {database: 'postgresql://name@127.0.0.1/x'}")
    without = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from jupyterhub_communities.cli import main; sys.exit(main(['upgrade-db']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", without], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith("pip install 'jupyterhub-communities[postgresql]'\n")


def test_upgrade_db_says_when_there_is_nothing_to_do(ready) -> None:
    assert ready("upgrade-db").stdout == "Already at revision 0013.\n"


@pytest.mark.parametrize(
    "command", [["check"], ["apply"], ["upgrade-db"], ["invite", "--for", "x"]]
)
def test_without_a_file_every_command_says_what_to_run(run, command) -> None:
    done = run(*command)
    assert done.returncode == 2
    assert done.stderr.endswith("Make one with: jupyterhub-communities init\n")
    assert "Traceback" not in done.stderr


def test_a_broken_file_is_told_with_file_and_line(ready, tmp_path) -> None:
    (tmp_path / "communities.yaml").write_text(FILE.replace("quota", "quotas"))
    done = ready("check")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "communities.yaml:5: communities.0.quotas: unknown key; did you mean quota?"
    )


def test_an_older_database_names_the_command(ready, tmp_path) -> None:
    with closing(sqlite3.connect(tmp_path / "communities.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
    done = ready("apply")
    assert done.returncode == 2
    assert "Run: jupyterhub-communities upgrade-db" in done.stderr


def test_a_locked_database_gets_a_sentence(ready, tmp_path) -> None:
    database = tmp_path / "communities.sqlite"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = ready("apply")
        other.execute("ROLLBACK")
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_key_names_what_to_do(ready, tmp_path) -> None:
    (tmp_path / "communities.key").unlink()
    done = ready("apply")
    assert done.returncode == 2
    assert "Restore it from your backup" in done.stderr


def test_init_in_a_folder_that_cannot_be_written_is_a_sentence(run, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    done = run("init", "--config", "file/communities.yaml")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_operator_blocks_suspends_and_erases_and_undoes_what_can_be(ready, tmp_path) -> None:
    assert ready("apply").returncode == 0
    house = open_house(tmp_path / "communities.yaml")
    done = {
        ("block", "luz"): Access.NONE,
        ("unblock", "luz"): Access.FULL,
        ("erase", "luz"): Access.NONE,
    }
    for arguments, access in done.items():
        assert ready(*arguments).returncode == 0
        assert house.call(find_person, "luz").access is access
    assert ready("suspend", "andes", "--because", "mining").returncode == 0
    assert house.call(find_person, "ana").grants == ()
    assert ready("resume", "andes").returncode == 0
    assert house.call(find_person, "ana").grants
    house.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["erase", "nobody"], "Nobody here has this username."),
        (["unblock", "nobody"], "Nobody here has this username."),
        (["erase", "ana"], "The operator of this hub decides this."),
        (["suspend", "nowhere", "--because", "x"], "There is no such community"),
    ],
)
def test_what_cannot_be_ended_is_said_in_a_sentence(ready, arguments, sentence) -> None:
    ready("apply")
    done = ready(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_language_is_begun_checked_and_offered(run, tmp_path) -> None:
    (tmp_path / "communities.yaml").write_text("hub: {catalogues: ./locale}\n")
    missing = run("check")
    assert missing.returncode == 2
    assert missing.stderr == "communities.yaml:1: hub.catalogues: there is no folder locale\n"
    begun = run("translate", "qu")
    assert begun.stdout.startswith("locale/qu/LC_MESSAGES/messages.po: made\n1 of "), begun.stderr
    unfinished = run("check")
    assert unfinished.returncode == 0
    assert "sentences are not translated, so qu is not offered yet" in unfinished.stdout
    write_language(tmp_path / "locale", "qu", "Q! ")
    done = run("check")
    assert (done.returncode, "qu" in done.stdout) == (0, False)
    again = run("translate", "qu")
    assert again.stdout.startswith("locale/qu/LC_MESSAGES/messages.po: up to date\n")


def test_check_tells_each_mistake_in_a_catalogue_with_file_and_line(run, tmp_path) -> None:
    (tmp_path / "communities.yaml").write_text(
        "hub:\n  catalogues: locale\n  offer_unfinished: [qu, wo]\n"
    )
    write_sentences(tmp_path / "locale", "es", 'msgid "Sign out"\nmsgstr "Salir %(x)s"\n')
    write_sentences(tmp_path / "locale", "qu", 'msgid "Sign out"\nmsgstr "Lluqsiy"\n')
    (tmp_path / "locale" / "klingon").mkdir()
    done = run("check")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "locale/es/LC_MESSAGES/messages.po:5: placeholders differ, write no placeholder: "
        "'Salir %(x)s': 'Sign out'",
        "locale/klingon: this folder is not named by a language; name it like qu or pt_BR",
        "communities.yaml:3: hub.offer_unfinished.1: there is no locale/wo/LC_MESSAGES/messages.po",
    ]
    assert "so these are said in es" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["klingon"], "klingon is no language tag; give one such as qu, wo or pt-PT"),
        (["../x"], "../x is no language tag"),
        (["qu", "--into", "file"], "cannot be written"),
    ],
)
def test_a_language_that_cannot_be_begun_is_a_sentence(run, tmp_path, arguments, sentence) -> None:
    (tmp_path / "file").write_text("")
    done = run("translate", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-05", "2026-02-30"])
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_day_that_nobody_means_is_no_day_of_usage(ready, capsys, option, day) -> None:
    with pytest.raises(SystemExit) as left:
        ready("usage", option, day)
    assert left.value.code == 2
    assert f"argument {option}: expected a day such as 2026-03-01" in capsys.readouterr().err


def test_usage_and_simulate_name_a_community_alike(ready) -> None:
    assert ready("apply").returncode == 0
    used = ready("usage", "--community", "andes")
    assert (used.returncode, used.stderr) == (0, "")
    tried = ready("simulate", "--community", "andes", "--set", "servers=1")
    assert tried.stdout == "Of 0 starts, 0 would have been refused.\n", tried.stderr
    equal = ready(
        "simulate", "--community", "andes", "--set", "servers=2", "--set", "servers each=equal"
    )
    assert equal.stdout.endswith("Not tried: equal parts (each: equal) of servers.\n"), equal.stderr
    twice = ["--set", "servers=2", "--set", "servers=1"]
    assert "stands here twice" in ready("simulate", "--community", "andes", *twice).stderr
    for command in ("usage", "simulate"):
        unknown = ready(command, "--community", "nowhere")
        assert unknown.returncode == 2
        assert "There is no such community" in unknown.stderr
