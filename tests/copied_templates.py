"""What our templates replace of JupyterHub's own, and whether it has changed since we looked.

A template of ours extends the Hub's of the same name and replaces blocks of it, or stands in its
place. What is replaced is no more seen: a new field, button or script of the Hub's would be missing,
silently. So `copied_templates.json` keeps digests of the Hub's templates, for each version of it
that somebody has compared with ours. `python tests/copied_templates.py` writes those of the
installed Hub.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import jupyterhub
from jupyterhub._data import DATA_FILES_PATH

THEIRS = Path(DATA_FILES_PATH) / "templates"
OURS = Path(__file__).parents[1] / "share/jupyterhub-communities/templates/hub"
RECORD = Path(__file__).with_suffix(".json")

INSTALLED = ".".join(map(str, jupyterhub.version_info[:2]))
WHOLE = "all"  # beside the blocks' names: the template from its first line to its last
_BLOCK = re.compile(r"{%-?\s*(?:(block)\s+(\w+)|endblock)\b.*?%}", re.DOTALL)

Digests = dict[str, dict[str, str]]  # template → block → digest


def blocks_of(source: str) -> dict[str, str]:
    """What stands in each block, blocks within it included; and the whole."""
    found = {WHOLE: source}
    open_blocks: list[tuple[str, int]] = []
    for tag in _BLOCK.finditer(source):
        if tag[1]:
            open_blocks.append((tag[2], tag.end()))
        else:
            name, start = open_blocks.pop()
            found[name] = source[start : tag.start()]
    return found


def digests_of(folder: Path) -> Digests:
    """Of the text without regard to line breaks and indents, which formatters change."""
    return {
        path.name: {
            block: hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]
            for block, text in blocks_of(path.read_text(encoding="utf-8")).items()
        }
        for path in sorted(folder.glob("*.html"))
    }


def replaced_by(ours: Path) -> set[str]:
    """The blocks of the Hub's template that ours replaces; all of it where ours stands in its place."""
    source = ours.read_text(encoding="utf-8")
    if f'{{% extends "templates/{ours.name}" %}}' not in source:
        return {WHOLE}
    blocks = blocks_of(source)
    return {name for name, text in blocks.items() if name != WHOLE and "super()" not in text}


def last_seen(version: str, seen: Iterable[str]) -> str:
    """The newest of the versions that were seen which is not newer than this one."""
    return max((each for each in seen if _number(each) <= _number(version)), key=_number)


def changes(theirs: Digests, seen: Digests) -> list[str]:
    """What there is to compare again, each a sentence."""
    found = [
        f"{name}: JupyterHub has a new page; see whether learners meet it, and in which language."
        for name in sorted(theirs.keys() - seen.keys())
    ]
    for name in sorted(seen.keys() & {path.name for path in OURS.glob("*.html")}):
        for block in sorted(replaced_by(OURS / name)):
            now = theirs.get(name, {}).get(block)
            if now == seen[name].get(block):
                continue
            done = "no longer has" if now is None else "has changed"
            found.append(f"{name}: JupyterHub {done} what ours replaces ({block}).")
    return found


def advice(found: list[str], version: str, seen: str) -> str:
    return "\n".join(
        [
            f"JupyterHub {version} is not what its templates were when they were last compared with "
            f"ours ({seen}).",
            *found,
            f"Compare {THEIRS} with {OURS}, carry over what our readers need, then run "
            "`python tests/copied_templates.py` with this Python, and commit what it writes.",
        ]
    )


def read_record() -> dict[str, Digests]:
    record: dict[str, Digests] = json.loads(RECORD.read_text())
    return record


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def main() -> None:
    record = read_record() if RECORD.exists() else {}
    record[INSTALLED] = digests_of(THEIRS)
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
