"""The message catalogues: extracting, updating, compiling and checking them.

`python -m jupyterhub_communities.i18n.extract` brings the `.po` files up to date with the sources,
`python -m jupyterhub_communities.i18n.check` fails on anything that is not translated well. Both
run in a checkout, where package and templates lie side by side.
"""

from __future__ import annotations

import gettext
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from .placeholders import PLACEHOLDER, comments_on

SOURCE_LANGUAGE = "en"
PACKAGE_DIR = Path(__file__).resolve().parent.parent
LOCALE_DIR = PACKAGE_DIR / "i18n" / "locale"

_PROJECT = "jupyterhub-communities"
TEMPLATES = Path("share/jupyterhub-communities/templates")
_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_JINJA_OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
# Dates and addresses that say nothing here, and would differ in every diff.
_DROPPED_HEADERS = (
    "Project-Id-Version",
    "Report-Msgid-Bugs-To",
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Generated-By",
)
# What Babel writes where nobody has said who translates.
_NOBODY = ("FULL NAME <EMAIL@ADDRESS>", "<LL@li.org>")


class ExtractionError(Exception):
    """A source file that cannot be read for messages; names file and line."""


def tag_of(folder: Path) -> str:
    """The language tag of a catalogue folder: `…/pt_BR/LC_MESSAGES` → `pt-BR`."""
    name = folder.parent.name if folder.name == "LC_MESSAGES" else folder.name
    return name.replace("_", "-")


def po_path(tag: str, locale_dir: Path = LOCALE_DIR) -> Path:
    return locale_dir / tag.replace("-", "_") / "LC_MESSAGES" / "messages.po"


def po_paths(locale_dir: Path = LOCALE_DIR) -> list[Path]:
    return sorted(locale_dir.glob("*/LC_MESSAGES/messages.po"))


def our_tags() -> tuple[str, ...]:
    """The languages that this package brings catalogues for."""
    return tuple(tag_of(path.parent) for path in po_paths())


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def shipped_template() -> Catalog:
    """All messages of this version, without translations: what every catalogue of ours has, also
    where the sources are not at hand."""
    template = Catalog(project=_PROJECT, charset="utf-8")
    for message in read_catalogue(po_paths()[0]):
        if message.id:
            template.add(
                message.id,
                locations=message.locations,
                auto_comments=message.auto_comments,
                context=message.context,
            )
    return template


def is_complete(catalogue: Catalog) -> bool:
    """Whether every message of the catalogue is translated and none is fuzzy."""
    return all(is_translated(message) for message in catalogue if message.id)


def is_translated(message: Message) -> bool:
    return not message.fuzzy and all(forms_of(message))


def forms_of(message: Message) -> tuple[str, ...]:
    strings = message.string
    return tuple(strings) if isinstance(strings, (tuple, list)) else (strings or "",)


def ids_of(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, (tuple, list)) else (message.id,)


# Extraction


def source_files(root: Path = PACKAGE_DIR.parent) -> Iterator[tuple[Path, str]]:
    """Every file with messages, and how to read it."""
    for path in sorted((root / "jupyterhub_communities").rglob("*.py")):
        yield path, "python"
    for path in sorted((root / TEMPLATES).rglob("*.html")):
        yield path, "jinja2.ext:babel_extract"


def extract_catalogue(root: Path = PACKAGE_DIR.parent) -> Catalog:
    """All messages of the sources, with where they stand. Raises `ExtractionError`."""
    catalogue = Catalog(project=_PROJECT, charset="utf-8")
    for path, method in source_files(root):
        name = path.relative_to(root).as_posix()
        try:
            with path.open("rb") as file:
                found = list(
                    extract(
                        method,
                        file,
                        keywords=_KEYWORDS,
                        comment_tags=("TRANSLATORS:",),
                        options=_JINJA_OPTIONS if method != "python" else {},
                        strip_comment_tags=True,
                    )
                )
        except Exception as error:  # syntax errors of Python, of Jinja, of an encoding
            line = getattr(error, "lineno", None) or 1
            raise ExtractionError(f"{name}:{line}: {error}") from error
        # A comment is for all messages of the line below it; extractors give it to the first.
        comments_at = {line: comments for line, _, comments, _ in reversed(found)}
        # Without the line: it would order the messages, differently after each change of a source.
        for line, message, _, context in found:
            catalogue.add(
                message,
                locations=[(name, 0)],
                auto_comments=comments_at[line],
                context=context,
            )
    for each in catalogue:
        each.auto_comments += comments_on(ids_of(each) if each.id else ())
    return catalogue


# Updating


def update(
    template: Catalog, locale_dir: Path = LOCALE_DIR, add: Iterable[str] = ()
) -> dict[str, list[Message]]:
    """Brings every `.po` up to date; answers what is left to translate, by language tag.

    What the sources no longer say is dropped. Nothing is guessed: a changed sentence is a new one.
    """
    for tag in add:
        path = po_path(tag, locale_dir)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_catalogue(path, Catalog(locale=tag.replace("-", "_"), project=_PROJECT))
    left: dict[str, list[Message]] = {}
    for path in po_paths(locale_dir):
        catalogue = read_catalogue(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        write_catalogue(path, catalogue)
        left[tag_of(path.parent)] = [m for m in catalogue if m.id and not is_translated(m)]
    return left


def write_catalogue(path: Path, catalogue: Catalog) -> None:
    """Writes a `.po` without dates and line numbers, so that a diff shows sentences only."""
    catalogue.header_comment = f"# {_PROJECT}: messages in {_tag_in(catalogue)}."
    path.write_text(po_text(catalogue), encoding="utf-8")


def _tag_in(catalogue: Catalog) -> str:
    return str(catalogue.locale_identifier).replace("_", "-")


def po_text(catalogue: Catalog) -> str:
    catalogue.fuzzy = False
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=100, include_lineno=False, sort_by_file=True)
    dropped = tuple(f'"{name}:' for name in _DROPPED_HEADERS)
    lines = buffer.getvalue().decode("utf-8").splitlines(keepends=True)
    return "".join(
        line
        for line in lines
        if not line.startswith(dropped) and not any(nobody in line for nobody in _NOBODY)
    )


def fill(tag: str, translated: Catalog, locale_dir: Path = LOCALE_DIR) -> int:
    """Takes over the translations of another catalogue; answers how many there were."""
    path = po_path(tag, locale_dir)
    catalogue = read_catalogue(path)
    taken = 0
    for message in translated:
        own = catalogue.get(message.id, message.context) if message.id else None
        if own is not None and is_translated(message):
            own.string = message.string
            own.flags.discard("fuzzy")
            taken += 1
    write_catalogue(path, catalogue)
    return taken


# Compiling


def compile_catalogues(locale_dir: Path = LOCALE_DIR) -> list[Path]:
    """Writes the `.mo` beside each complete `.po`; an incomplete language is not offered."""
    written = []
    for path in po_paths(locale_dir):
        target = path.with_suffix(".mo")
        catalogue = read_catalogue(path)
        if not is_complete(catalogue):
            print(f"{path}: incomplete, so not offered", file=sys.stderr)
            target.unlink(missing_ok=True)
            continue
        with target.open("wb") as file:
            write_mo(file, catalogue)
        written.append(target)
    return written


# Checking


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a message. `str()` is a line with file and line number."""

    where: str
    message: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.message!r}"


def problems(template: Catalog, locale_dir: Path = LOCALE_DIR) -> list[Problem]:
    """Everything that keeps the catalogues from being complete and right."""
    found = [
        Problem(_location(message), text, "a literal per cent sign is written %%")
        for message in template
        for text in ids_of(message)
        if "%" in PLACEHOLDER.sub("", text).replace("%%", "")
    ]
    for path in po_paths(locale_dir):
        catalogue = read_catalogue(path)
        file = path.relative_to(PACKAGE_DIR.parent) if locale_dir == LOCALE_DIR else path
        for message in template:
            if message.id:
                own = catalogue.get(message.id, message.context)
                where = f"{file}:{own.lineno}" if own else f"{file}:1"
                for what in faults(message, own, catalogue.plural_expr):
                    found.append(Problem(where, ids_of(message)[0], what))
        for own in (*catalogue, *catalogue.obsolete.values()):
            if own.id and template.get(own.id, own.context) is None:
                where = f"{file}:{own.lineno or 1}"
                found.append(Problem(where, ids_of(own)[0], "obsolete, run extract"))
    return found


def _location(message: Message) -> str:
    return "{}:{}".format(*message.locations[0]) if message.locations else "unknown:1"


def _single_numbers(plural_rule: str) -> list[bool]:
    """For each plural form of a language: whether it is for one number only."""
    form_of = gettext.c2py(plural_rule)
    uses = Counter(form_of(number) for number in range(200))
    return [uses[form] == 1 for form in range(max(uses) + 1)]


def faults(source: Message, own: Message | None, plural_rule: str) -> Iterator[str]:
    """What is wrong with `own` as the translation of `source`, and what to write instead."""
    if own is None:
        yield "missing, run extract"
        return
    if own.fuzzy:
        yield "fuzzy: put it right, and take the word fuzzy away"
    forms = forms_of(own)
    if not all(forms):
        empty = ", ".join(f"msgstr[{at}]" for at, form in enumerate(forms) if not form)
        yield "not translated" + (f": {empty}" if len(forms) > 1 else "")
        return
    ids = ids_of(source)
    single_numbers = _single_numbers(plural_rule) if len(ids) > 1 else [False]
    if len(forms) != len(single_numbers):
        yield f"{len(forms)} plural forms where the language has {len(single_numbers)}"
    wanted = set(PLACEHOLDER.findall(ids[-1]))
    for form, is_for_one_number in zip(forms, single_numbers, strict=False):
        found = set(PLACEHOLDER.findall(form))
        # "One seat left" may leave the number out, but not where none is said in that form too.
        if found - wanted or len(wanted - found) > is_for_one_number:
            names = " and ".join(f"%({name})s" for name in sorted(wanted)) or "no placeholder"
            yield f"placeholders differ, write {names}: {form!r}"
    if any("%" in PLACEHOLDER.sub("", form).replace("%%", "") for form in forms):
        yield f"a literal per cent sign is written %%: {forms}"
    tags = Counter(_TAG.findall(ids[-1]))
    for form in forms:
        own_tags = Counter(_TAG.findall(form))
        # A form for one number may leave a tag out, with the number in it.
        is_whole = own_tags == tags or (form is not forms[-1] and own_tags < tags)
        if not is_whole or "<" in _TAG.sub("", form):
            yield f"HTML tags differ, write {' '.join(tags) or 'none'}: {form!r}"
    if any(form != form.strip() for form in forms) and ids[0] == ids[0].strip():
        yield f"space around the sentence: {forms}"
