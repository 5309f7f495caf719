"""Beginning a catalogue of an operator's own, and bringing it up to date: what `translate` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from langcodes import standardize_tag

from .catalogues import (
    SOURCE_LANGUAGE,
    forms_of,
    is_translated,
    our_tags,
    po_path,
    po_text,
    read_catalogue,
    shipped_template,
)
from .custom import OWN_NAME, cldr_name, read_file
from .negotiation import also_read, is_language_tag
from .plurals import plural_forms

_MARK = "= "  # begins a comment that is ours to write anew


@dataclass(frozen=True, slots=True)
class Begun:
    """A file that is ready to be translated."""

    path: Path
    is_new: bool
    left: int  # sentences that are not translated
    total: int


def begin(tag: str, folder: Path, *, beside: str | None = None) -> Begun:
    """Writes the catalogue of a language, or brings it up to date with this version.

    What is translated stays; what no page says any more moves to the file's end. `beside` is a
    language of ours whose sentences are written beside the English ones, for those who translate.
    Raises `ValueError` for what is no tag, `CatalogueError` for a file with mistakes, `OSError`.
    """
    if not is_language_tag(tag):
        raise ValueError(f"{tag} is no language tag; give one such as qu, wo or pt-PT")
    tag = standardize_tag(tag)
    path = po_path(tag, folder)
    is_new = not path.exists()
    catalogue = _fresh(tag) if is_new else read_file(path)
    template = shipped_template()
    catalogue.update(template, no_fuzzy_matching=True)
    if (name := catalogue.get(OWN_NAME[1], OWN_NAME[0])) and not name.string:
        name.string = cldr_name(tag) or ""
    _write_beside(catalogue, beside or _known(tag))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(po_text(catalogue), encoding="utf-8")
    left = sum(not is_translated(message) for message in catalogue if message.id)
    return Begun(path, is_new, left, len(template))


def _known(tag: str) -> str:
    return also_read(tag, (SOURCE_LANGUAGE, *our_tags())) or SOURCE_LANGUAGE


def _fresh(tag: str) -> Catalog:
    catalogue = Catalog(
        locale=tag.replace("-", "_"),
        charset="utf-8",
        header_comment=f"# jupyterhub-communities: messages in {tag}.",
    )
    catalogue.mime_headers = [("Plural-Forms", plural_forms(tag))]
    return catalogue


def _write_beside(catalogue: Catalog, tag: str) -> None:
    """Puts our sentences in the language `tag` into the comments, in place of earlier ones."""
    known = read_catalogue(po_path(tag)) if tag in our_tags() else None
    for message in catalogue:
        own = [line for line in message.user_comments if line]
        at = next((n for n, line in enumerate(own) if line.startswith(_MARK)), len(own))
        message.user_comments = own[:at]  # ours come last, and are broken into lines
        said = known.get(message.id, message.context) if known and message.id else None
        if said is not None:
            message.user_comments.append(_beside(tag, said))


def _beside(tag: str, message: Message) -> str:
    return f"{_MARK}{tag}: {' | '.join(dict.fromkeys(forms_of(message)))}"
