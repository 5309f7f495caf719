"""`python -m jupyterhub_communities.i18n.extract`: updates catalogues, lists the rest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from babel.messages.catalog import Catalog

from .catalogues import (
    ExtractionError,
    extract_catalogue,
    fill,
    is_translated,
    po_path,
    po_text,
    read_catalogue,
    update,
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_communities.i18n.extract",
        description="Brings the catalogues up to date with the sources and lists what is left to "
        "translate. To translate: --missing es > es.po, fill in each msgstr, --fill es es.po.",
    )
    parser.add_argument("--add", metavar="TAG", action="append", default=[], help="a new language")
    parser.add_argument("--missing", metavar="TAG", help="print what is left as a .po to fill in")
    parser.add_argument(
        "--fill", metavar=("TAG", "FILE"), nargs=2, help="take over a filled-in .po"
    )
    options = parser.parse_args(arguments)
    try:
        left = update(extract_catalogue(), add=options.add)
    except ExtractionError as error:
        print(error, file=sys.stderr)
        return 1
    if options.fill:
        tag, file = options.fill
        taken = fill(tag, read_catalogue_file(Path(file), tag))
        print(f"{tag}: {taken} translations taken over")
        left = update(extract_catalogue())
    if options.missing:
        print(po_text(only_missing(options.missing)), end="")
        return 0
    for tag, messages in left.items():
        print(f"{tag}: {len(messages)} left to translate")
        for message in messages:
            where = message.locations[0] if message.locations else ("?", 0)
            print(f"  {where[0]}: {message.id!r}")
    return 0


def read_catalogue_file(path: Path, tag: str) -> Catalog:
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        return read_po(file, locale=tag.replace("-", "_"))


def only_missing(tag: str) -> Catalog:
    """The messages of a language that have no translation yet, as a catalogue of their own."""
    whole = read_catalogue(po_path(tag))
    rest = Catalog(locale=whole.locale)
    for message in whole:
        if message.id and not is_translated(message):
            rest.add(
                message.id,
                locations=message.locations,
                auto_comments=message.auto_comments,
                context=message.context,
            )
    return rest


if __name__ == "__main__":
    sys.exit(main())
