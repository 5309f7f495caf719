"""The command line, `jupyterhub-communities`: what the operator runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from .app import build_database, key_path, no_database, open_house, read_languages
from .application.audit import Checked, check_step, find_link
from .application.communities import Change, apply_declarations
from .application.dividing import once_each
from .application.ending import (
    block_person,
    resume_community,
    suspend_community,
    unblock_person,
)
from .application.erasure import erase_person
from .application.issuing import issue_bound_invite
from .application.usage import BYS, usage_table
from .config import ConfigError, json_schema, load_config
from .domain.audit import Flaw
from .domain.grants import Actor
from .domain.refusals import Refusal, StorageUnreachable
from .domain.texts import in_language
from .domain.times import in_utc
from .domain.units import write_amount
from .i18n.beginning import begin
from .i18n.catalogues import our_tags
from .i18n.custom import CatalogueError
from .i18n.messages import messages_for
from .pages.refusals import sentence_of
from .pages.tables import usage_csv
from .storage.keyring import KeyFileError, make_key_file
from .storage.unfit import DatabaseUnfit

A = TypeVar("A")

DEFAULT_CONFIG = "communities.yaml"
HUB_CONFIG = "jupyterhub_config.py"
DEFAULT_PORT = 8000
LONGEST_USERNAME = 255  # characters, in the Hub's database

SCHEMA_FILE = "communities.schema.json"

TEMPLATE = """\
# yaml-language-server: $schema=communities.schema.json
# What this hub offers, and to whom. Every key is explained in the documentation ("communities.yaml").
# After a change: jupyterhub-communities check && jupyterhub-communities apply

hub:
  language: en
  # servers: 50               # most servers at one time, all communities together

# communities:
#   - slug: andes             # its name in addresses and groups; it never changes
#     name: {en: Andes Data Community, es: Comunidad de Datos Andes}
#     language: es
#     contact: hello@example.org
#     champions: [ana]        # Hub usernames; new people get in with: invite --for ana
#     quota: {servers: 20}

# profiles:
#   - slug: small
#     name: {en: Small, es: Pequeño, pt-BR: Pequeno}
#     description: {en: Enough for lessons., es: Alcanza para las lecciones.}
#     cpu: 1
#     memory: 1G
"""


class CommandError(Exception):
    """A mistake that the operator can mend. `str()` says how."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. 0: done; 1: the demo failed; 2: a mistake, with a sentence on stderr."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int | None] = arguments.command
    try:
        return command(arguments) or 0
    except (CommandError, ConfigError, KeyFileError, DatabaseUnfit) as error:
        print(error, file=sys.stderr)
    except StorageUnreachable as error:
        print(no_database(error), file=sys.stderr)
    return 2


def init(arguments: argparse.Namespace) -> None:
    """Makes the file, the key and the database where they are missing."""
    path: Path = arguments.config
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            print(f"{path}: kept")
        else:
            path.write_text(TEMPLATE, encoding="utf-8")
            print(f"{path}: made")
        schema_path = path.with_name(SCHEMA_FILE)
        schema_path.write_text(_schema_text(), encoding="utf-8")
        print(f"{schema_path}: made, for editors that check the file while you write")
        config = load_config(path)
        key = key_path(config, path.parent)
        try:
            make_key_file(key)
            print(f"{key}: made. Back it up: without it, every code and return key is dead")
        except FileExistsError:
            print(f"{key}: kept")
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be written: {error.strerror}") from error
    with closing(build_database(config, path.parent)) as database:
        database.upgrade()
    print(f"{database.url.render_as_string(hide_password=True)}: ready")
    print(
        f"Next: describe your communities in {path}, then run "
        "jupyterhub-communities check and jupyterhub-communities apply"
    )


def schema(arguments: argparse.Namespace) -> None:
    """Prints the JSON Schema of communities.yaml, for editors."""
    print(_schema_text(), end="")


def _schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def check(arguments: argparse.Namespace) -> None:
    """Says whether the file and the catalogues hold, without touching anything."""
    config = load_config(arguments.config)
    languages = read_languages(arguments.config)
    for note in languages.notes:
        print(note)
    if languages.mistakes:
        raise CommandError("\n".join(languages.mistakes))
    print(
        f"{arguments.config}: fine "
        f"({len(config.communities)} communities, {len(config.profiles)} profiles)"
    )


def translate(arguments: argparse.Namespace) -> None:
    """Begins a catalogue of your own for a language, or brings it up to date after an upgrade."""
    try:
        begun = begin(arguments.language, arguments.into, beside=arguments.beside)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be written: {error.strerror}") from error
    except (ValueError, CatalogueError) as error:
        raise CommandError(str(error)) from error
    print(f"{begun.path}: {'made' if begun.is_new else 'up to date'}")
    print(f"{begun.total - begun.left} of {begun.total} sentences are translated")
    print(
        "Next: fill in each msgstr, name the folder under hub.catalogues in communities.yaml, run "
        "jupyterhub-communities check and restart the hub"
    )


def apply(arguments: argparse.Namespace) -> None:
    """Shows what the file changes, then writes it."""
    config = load_config(arguments.config)
    house = open_house(arguments.config)
    try:
        changes = house.call(
            apply_declarations,
            config.declarations(),
            config.hub_quota(),
            dry_run=arguments.dry_run,
        )
    finally:
        house.close()
    for change in changes:
        print(_describe(change))
    if not changes:
        print("Nothing to change.")
    elif arguments.dry_run:
        print("Nothing was written (--dry-run).")
    else:
        print(f"Applied: {len(changes)} change{'s' if len(changes) > 1 else ''}.")


def upgrade_db(arguments: argparse.Namespace) -> None:
    """Brings the database to this version."""
    config = load_config(arguments.config)
    with closing(build_database(config, arguments.config.resolve().parent)) as database:
        before = database.revision()
        database.upgrade()
        after = database.revision()
    print(f"Already at revision {after}." if before == after else f"Upgraded to revision {after}.")


def move_db(arguments: argparse.Namespace) -> None:
    """Copies everything into the database that the file names now. Stop the hub first."""
    config = load_config(arguments.config)
    folder = arguments.config.resolve().parent
    with (
        closing(build_database(config, folder, arguments.old)) as old,
        closing(build_database(config, folder)) as new,
    ):
        old.check_schema()
        new.upgrade()
        copied = old.copy_to(new)
    print(f"{new.url.render_as_string(hide_password=True)}: {copied} rows copied")
    print("Start the hub again. The old database is as it was; keep it until you have a backup.")


def invite(arguments: argparse.Namespace) -> None:
    """Prints a code that gives a Hub username its return key."""
    username = arguments.username.strip().lower()
    if not username or not username.isprintable() or any(c.isspace() or c == "/" for c in username):
        raise CommandError("A Hub username has no blanks and no slash: give one with --for NAME")
    if len(username) > LONGEST_USERNAME:
        raise CommandError(f"A Hub username has at most {LONGEST_USERNAME} characters")
    house = open_house(arguments.config)
    try:
        issued = house.call(issue_bound_invite, username)
    finally:
        house.close()
    print(f"Code for {username}: {issued.code}")
    print("It works once. Open /hub/join on your hub, type it, and keep the return key you get.")


def block(arguments: argparse.Namespace) -> None:
    """Shuts a person out at once, whatever they were given."""
    _as_operator(arguments, block_person, arguments.username)
    print(f"{arguments.username} is blocked. Sign-ins, tokens and servers end within a minute.")


def unblock(arguments: argparse.Namespace) -> None:
    """Lets a blocked person in again."""
    _as_operator(arguments, unblock_person, arguments.username)
    print(f"{arguments.username} may come in again, as far as anything still lets them.")


def suspend(arguments: argparse.Namespace) -> None:
    """Closes a community at once, until it is resumed."""
    _as_operator(arguments, suspend_community, arguments.community, arguments.because)
    print(f"{arguments.community} is suspended. Its people are signed out within a minute.")


def resume(arguments: argparse.Namespace) -> None:
    """Opens a suspended community again."""
    _as_operator(arguments, resume_community, arguments.community)
    print(f"{arguments.community} is open again.")


def erase(arguments: argparse.Namespace) -> None:
    """Erases a person: the Hub user, what is held about them, and what the Spawner deletes."""
    _as_operator(arguments, erase_person, arguments.username)
    print(f"{arguments.username} is out. The running service erases the rest within a minute.")


def _as_operator(arguments: argparse.Namespace, verb: Callable[..., object], *values: str) -> None:
    _ask(arguments, verb, *values)


def usage(arguments: argparse.Namespace) -> None:
    """Prints what a community has spent, or the whole hub."""
    zone = ZoneInfo(load_config(arguments.config).hub.zone)
    start, end = (
        None if day is None else datetime.combine(day, time(), zone)
        for day in (arguments.start, arguments.end)
    )
    table = _ask(
        arguments,
        usage_table,
        arguments.community,
        start,
        None if end is None else end + timedelta(days=1),
        arguments.by,
    )
    if arguments.csv:
        print(usage_csv(table), end="")
        return
    for row in table.rows:
        amounts = ", ".join(
            f"{resource} {write_amount(resource, amount)}"
            for resource, amount in row.amounts.items()
        )
        print(f"{row.key or '-'}: {amounts}")


def simulate(arguments: argparse.Namespace) -> None:
    """Tries other limits on the past days: who would have been refused. Nothing is changed."""
    from .service.quotas import simulate as try_limits

    house = open_house(arguments.config)
    operator = Actor(account_id=None, is_operator=True)
    place = (arguments.community, arguments.workshop)
    try:
        lines = once_each(arguments.limits)
        outcome = asyncio.run(try_limits(house, operator, *place, lines, arguments.days))
    except StorageUnreachable:
        raise
    except Refusal as refusal:
        raise CommandError(sentence_of(refusal, messages_for("en"))) from refusal
    finally:
        house.close()
    if arguments.json:
        print(json.dumps(asdict(outcome), default=str, ensure_ascii=False))
        return
    print(f"Of {outcome.starts} starts, {outcome.refused} would have been refused.")
    if outcome.left_out:
        print(f"Not tried: equal parts (each: equal) of {', '.join(outcome.left_out)}.")
    for one in outcome.shown:
        limits = ", ".join(
            f"{v.resource} of {v.name}: {write_amount(v.resource, v.left)} left, "
            f"{write_amount(v.resource, v.wanted)} needed"
            for v in one.violations
        )
        fits = in_language(one.would_fit, "en") if one.would_fit else "nothing"
        print(f"{one.at:%Y-%m-%d %H:%M} UTC  {one.username}  {limits}  would have fit: {fits}")


def audit(arguments: argparse.Namespace) -> int:
    """Checks that the audit trail is whole, as it was chained."""
    house = open_house(arguments.config)
    try:
        checked = Checked()
        while not checked.is_done:
            checked = house.call(check_step, checked)
        noted = None
        if arguments.expect is not None:
            number, digest = arguments.expect
            link = house.call(find_link, number)
            if link is None or link.hash != digest:
                noted = f"Link {number} is not the one that was noted: the chain was made anew."
    finally:
        house.close()
    last = f" The last link is {checked.link.number}:{checked.link.hash}" if checked.entries else ""
    if not checked.flawed and noted is None:
        print(
            f"The audit trail is whole: {checked.entries} entries in {checked.link.number} links, "
            f"and {checked.unchained} that are yet to be chained.{last}"
        )
        return 0
    print(
        "The audit trail is not whole: it was changed by hand, or is not chained.", file=sys.stderr
    )
    for sentence in [*map(_flaw, checked.flaws), *([noted] if noted else [])]:
        print(sentence, file=sys.stderr)
    if checked.flawed > len(checked.flaws):
        print(f"And {checked.flawed - len(checked.flaws)} more.", file=sys.stderr)
    return 1


def doctor(arguments: argparse.Namespace) -> int:
    """Looks for what is wrong with this hub, and says what to do."""
    from .doctor import Level
    from .doctor_hub import look_everywhere

    path: Path = arguments.config.resolve()
    hub_config = (arguments.hub_config or path.with_name(HUB_CONFIG)).resolve()
    findings = look_everywhere(path, hub_config, arguments.hub)
    must_mend = any(one.level is Level.MEND for one in findings)
    if arguments.json:
        print(json.dumps([asdict(one) for one in findings], ensure_ascii=False))
    else:
        for one in findings:
            print(f"{one.level.value:6} {one.name}: {one.says} {one.do}".rstrip())
        print("Something has to be mended." if must_mend else "Nothing has to be mended.")
    return int(must_mend)


def _flaw(flaw: Flaw) -> str:
    """One sentence, with which entries."""
    entries = f"Entries {flaw.first_id} to {flaw.last_id}"
    if flaw.kind == "missing":
        return f"{entries} (link {flaw.link}): {flaw.count} of them are missing."
    if flaw.kind == "added":
        return f"{entries} (link {flaw.link}): {flaw.count} more than there were were added later."
    if flaw.kind == "link_missing":
        return f"{entries}: their link, {flaw.link}, is missing."
    if flaw.kind == "link_order":
        return f"{entries} (link {flaw.link}): the link is out of order."
    if flaw.kind == "unchained":
        return (
            f"{flaw.count} entries from {flaw.first_id} on are in no link, the oldest for more than "
            "an hour: the service is not running, or links were removed."
        )
    return f"{entries} (link {flaw.link}): they, or the link, are not as they were."


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
        in_utc(datetime.combine(day, time(), UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError("expected a day such as 2026-03-01") from error
    return day


def _noted_link(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdecimal()) or len(digest) != 64:
        raise argparse.ArgumentTypeError("expected NUMBER:HASH, as the service's log has it")
    return int(number), digest.lower()


def _limit_line(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("expected LIMIT=AMOUNT, such as servers=20")
    return name.strip(), value.strip()


def _ask(arguments: argparse.Namespace, verb: Callable[..., A], *values: object) -> A:
    """As the operator. What is refused is told."""
    house = open_house(arguments.config)
    try:
        return house.call(verb, Actor(account_id=None, is_operator=True), *values)
    except StorageUnreachable:
        raise
    except Refusal as refusal:
        raise CommandError(sentence_of(refusal, messages_for("en"))) from refusal
    finally:
        house.close()


def service(arguments: argparse.Namespace) -> None:
    """Runs the service. The Hub starts this one."""
    from .serving import run_service

    run_service(arguments.config)


def demo(arguments: argparse.Namespace) -> int:
    """Runs a hub to try things out."""
    from .demo import run

    return run(
        port=arguments.port,
        data_dir=arguments.data_dir,
        reset=arguments.reset,
        json_output=arguments.json,
    )


def _describe(change: Change) -> str:
    return f"{change.subject}: {_value(change.before)} → {_value(change.after)}"


def _value(value: object) -> str:
    if value is None:
        return "none"
    if is_dataclass(value) and not isinstance(value, type):
        return ", ".join(f"{key}={item}" for key, item in asdict(value).items() if key != "slug")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyterhub-communities", description="One JupyterHub, many communities."
    )
    parser.add_argument("--version", action="version", version=version("jupyterhub-communities"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(command=run)
        return command

    def add_configured(
        name: str, run: Callable[[argparse.Namespace], int | None]
    ) -> argparse.ArgumentParser:
        command = add(name, run)
        command.add_argument(
            "--config",
            type=Path,
            default=Path(DEFAULT_CONFIG),
            help=f"the operator's file (default: {DEFAULT_CONFIG} in this folder)",
        )
        return command

    command = add("demo", demo)
    command.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    command.add_argument(
        "--data-dir", type=Path, default=None, help="where the demo keeps its data"
    )
    command.add_argument("--reset", action="store_true", help="begin anew, deleting its data")
    command.add_argument("--json", action="store_true", help="print one JSON object when ready")

    add_configured("init", init)
    add_configured("check", check)
    add("schema", schema)
    command = add("translate", translate)
    command.add_argument("language", help="its tag, such as qu, wo or pt-PT")
    command.add_argument(
        "--into", type=Path, default=Path("locale"), help="the folder of your catalogues"
    )
    command.add_argument(
        "--beside",
        choices=our_tags(),
        help="a language to write beside the English; by default one that is read where yours is",
    )
    command = add_configured("apply", apply)
    command.add_argument("--dry-run", action="store_true", help="show the changes, write nothing")
    add_configured("upgrade-db", upgrade_db)
    command = add_configured("move-db", move_db)
    command.add_argument(
        "--from",
        dest="old",
        required=True,
        metavar="DATABASE",
        help="what the file named before: a file name or a URL",
    )
    command = add_configured("invite", invite)
    command.add_argument(
        "--for", dest="username", required=True, metavar="NAME", help="Hub username"
    )
    for run in (block, unblock, erase):
        command = add_configured(run.__name__, run)
        command.add_argument("username", help="Hub username")
    command = add_configured("suspend", suspend)
    command.add_argument("community", help="its slug")
    command.add_argument("--because", required=True, help="the reason, for the audit trail")
    command = add_configured("resume", resume)
    command.add_argument("community", help="its slug")
    command = add_configured("usage", usage)
    command.add_argument("--community", help="its slug; by default the whole hub")
    for name, target, text in (("--from", "start", "first"), ("--to", "end", "last")):
        command.add_argument(
            name,
            dest=target,
            type=_day,
            metavar="DAY",
            help=f"the {text} day, such as 2026-03-01; by default of the last 30 days",
        )
    command.add_argument("--by", choices=BYS, default="day", help="default: %(default)s")
    command.add_argument("--csv", action="store_true", help="as CSV, in base units")
    command = add_configured("simulate", simulate)
    command.add_argument("--community", help="its slug; by default the hub")
    command.add_argument("--workshop", help="the slug of one of its workshops")
    command.add_argument("--days", type=int, default=30, help="at most 90; default: %(default)s")
    command.add_argument(
        "--set",
        dest="limits",
        action="append",
        default=[],
        type=_limit_line,
        metavar="LIMIT=AMOUNT",
        help="a limit that would be another, such as memory=64Gi; may be given more than once",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command = add_configured("audit", audit)
    command.add_argument(
        "--expect",
        type=_noted_link,
        metavar="NUMBER:HASH",
        help="a link that was noted elsewhere, such as in the service's log: it has to be there still",
    )
    command = add_configured("doctor", doctor)
    command.add_argument(
        "--hub-config",
        type=Path,
        metavar="FILE",
        help=f"the Hub's configuration (default: {HUB_CONFIG} beside the operator's file)",
    )
    command.add_argument(
        "--hub", metavar="URL", help="of the Hub, such as http://127.0.0.1:8000/hub/"
    )
    command.add_argument("--json", action="store_true", help="print one JSON list")
    add_configured("service", service)
    return parser
