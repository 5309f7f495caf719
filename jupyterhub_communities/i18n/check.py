"""`python -m jupyterhub_communities.i18n.check`: fails on catalogues with mistakes, and on words in
the sources that are not marked for translation."""

from __future__ import annotations

import sys

from .catalogues import ExtractionError, extract_catalogue, po_paths, problems
from .unmarked import unmarked


def main() -> int:
    try:
        found = [*problems(extract_catalogue()), *unmarked()]
    except ExtractionError as error:
        print(error, file=sys.stderr)
        return 1
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"{len(po_paths())} catalogues are complete.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
