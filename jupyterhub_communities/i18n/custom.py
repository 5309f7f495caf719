"""An operator's own catalogues: other languages, and other words for sentences of ours.

The folder that `hub.catalogues` names is laid out as ours: `qu/LC_MESSAGES/messages.po`. It is read
when a process starts, compiled in memory, and lies over ours. A mistake in it keeps no hub from
starting: the sentence or the file that it stands in is left out, and told with file and line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, PoFileParser
from langcodes import standardize_tag

from .catalogues import (
    SOURCE_LANGUAGE,
    faults,
    forms_of,
    ids_of,
    our_tags,
    po_path,
    shipped_template,
    tag_of,
)
from .negotiation import also_read, closest, is_language_tag
from .plurals import check_plurals, plural_forms

OWN_NAME = ("name of this language", "English")  # context and message id

_LINE = re.compile(
    r'(?:(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?)[ \t]+)?"(?:[^"\\]|\\.)*"|(?:#.*)?'
)
_TRANSLATE = "jupyterhub-communities translate {tag} --into {folder}"


class CatalogueError(Exception):
    """A file that is no catalogue. `str()` names file, line and what was expected."""


@dataclass(frozen=True, slots=True)
class CustomCatalogue:
    """One language of the folder, without what is wrong in it."""

    compiled: bytes  # a `.mo` file's
    over: str | None  # the language of ours that says what this one does not


@dataclass(slots=True)
class CustomCatalogues:
    """A whole folder: what is offered, what is wrong, and what else is to be known."""

    offered: dict[str, CustomCatalogue] = field(default_factory=dict)  # by language tag
    mistakes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_custom(folder: Path, *, unfinished: Collection[str] = ()) -> CustomCatalogues:
    """Reads a folder of catalogues; nothing in it raises.

    A language that is none of ours, nor a variety of one, is offered once it is complete, or where
    `unfinished` names its tag: then the language that most of its speakers also read helps out.
    """
    found = CustomCatalogues()
    template = shipped_template()
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError as error:
        found.mistakes.append(f"{folder}: the folder cannot be read: {error.strerror}")
        return found
    for entry in entries:
        if not entry.name.startswith("."):
            try:
                _read_language(entry, template, unfinished, found)
            except CatalogueError as error:
                found.mistakes.append(str(error))
    return found


def _read_language(
    entry: Path, template: Catalog, unfinished: Collection[str], found: CustomCatalogues
) -> None:
    tag = _tag_of(entry)
    path = po_path(tag, entry.parent)
    catalogue = read_file(path)
    ours = (SOURCE_LANGUAGE, *our_tags())
    over = closest(tag, ours)
    kept = Catalog(locale=tag.replace("-", "_"), charset="utf-8")
    kept.mime_headers = [("Plural-Forms", catalogue.plural_forms)]  # not what Babel would guess
    missing = 0
    for source in template:
        own = catalogue.get(source.id, source.context) if source.id else None
        if own is None or own.fuzzy or not any(forms_of(own)):
            missing += bool(source.id)
            continue
        whats = list(faults(source, own, catalogue.plural_expr))
        found.mistakes += [f"{path}:{own.lineno}: {what}: {ids_of(own)[0]!r}" for what in whats]
        missing += bool(whats)
        if not whats:
            kept.add(source.id, own.string, context=source.context)
    if (unused := _unused(catalogue, template)) > 0:
        found.notes.append(
            f"{path}: {unused} of its sentences stand on no page of this version; "
            f"{_TRANSLATE.format(tag=tag, folder=entry.parent)} puts them aside"
        )
    if over is None and missing:
        over = also_read(tag, ours) or SOURCE_LANGUAGE
        is_offered = tag in unfinished
        found.notes.append(
            f"{path}: {missing} of {len(template)} sentences are not translated, so "
            + (f"these are said in {over}" if is_offered else f"{tag} is not offered yet")
        )
        if not is_offered:
            return
    if tag not in ours and kept.get(OWN_NAME[1], OWN_NAME[0]) is None:
        # Else a variety would bear the name of the language that it lies over.
        kept.add(OWN_NAME[1], cldr_name(tag) or tag, context=OWN_NAME[0])
    found.offered[tag] = CustomCatalogue(_compiled(kept), over)


def _tag_of(entry: Path) -> str:
    tag = tag_of(entry)
    if not is_language_tag(tag):
        raise CatalogueError(
            f"{entry}: this folder is not named by a language; name it like qu or pt_BR"
        )
    folder = standardize_tag(tag).replace("-", "_")
    if folder != entry.name:
        raise CatalogueError(f"{entry}: name this folder {folder}")
    return tag


def read_file(path: Path) -> Catalog:
    """A `.po` file that is wholly one. Raises `CatalogueError` at its first mistake."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        text = "\n".join(re.split(r"\r\n?|\n", text))
    except FileNotFoundError as error:
        raise CatalogueError(f"{path}: there is no such file") from error
    except OSError as error:
        raise CatalogueError(f"{path}: the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise CatalogueError(
            f"{path}:{number}: this is not UTF-8; save the file as UTF-8"
        ) from error
    for number, line in enumerate(text.split("\n"), 1):
        if _LINE.fullmatch(line.strip()) is None:
            raise CatalogueError(
                f'{path}:{number}: expected msgid or msgstr, and a text in "quotes": {line[:60]}'
            )
    tag = tag_of(path.parent)
    catalogue = Catalog(locale=tag.replace("-", "_"))
    catalogue.mime_headers = [("Plural-Forms", plural_forms(tag))]  # where the file has none
    try:
        PoFileParser(catalogue, abort_invalid=True).parse(io.StringIO(text))
    except PoFileError as error:
        what = str(error).rpartition(" on ")[0]
        raise CatalogueError(f"{path}:{error.lineno + 1}: {what}") from error
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise CatalogueError(f"{path}:{_header_line(text)}: it cannot be read: {error}") from error
    catalogue.charset = "utf-8"  # as it was read, whatever its header says
    try:
        check_plurals(catalogue.plural_expr, catalogue.num_plurals)
    except ValueError as error:
        raise CatalogueError(f"{path}:{_header_line(text)}: Plural-Forms: {error}") from error
    return catalogue


def _header_line(text: str) -> int:
    """Where the rule of plurals stands."""
    lines = text.split("\n")
    return next((n for n, line in enumerate(lines, 1) if line.startswith('"Plural-Forms')), 1)


def _unused(catalogue: Catalog, template: Catalog) -> int:
    return sum(
        template.get(own.id, own.context) is None and any(forms_of(own))
        for own in catalogue
        if own.id
    )


def _compiled(catalogue: Catalog) -> bytes:
    target = io.BytesIO()
    write_mo(target, catalogue)
    return target.getvalue()


def cldr_name(tag: str) -> str | None:
    """A language's name in itself, as a heading writes it, where CLDR has it."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return None
    name = locale.get_display_name(locale)
    return name[:1].upper() + name[1:] if name else None
