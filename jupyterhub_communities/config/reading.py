"""Reading the file: an error names the file, the line, the path within it and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from .file import CommunitiesFile

# For pydantic's words that only programmers know.
_EXPECTED = {
    "tuple_type": "expected a list",
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "string_type": "expected a text; put it in quotes",
}


class ConfigError(Exception):
    """The file cannot be used. `str()` has a line for each mistake: file, line, path, expected."""


def load_config(path: Path) -> CommunitiesFile:
    """Reads and checks the operator's file. Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no file {path}. Make one with: jupyterhub-communities init"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: {error}") from error
    twice = [
        f"{path}:{key.start_mark.line + 1}: {key.value}: this key stands here twice"
        for key in _repeated_keys(root)
    ]
    if twice:
        raise ConfigError("\n".join(twice))
    try:
        return CommunitiesFile.model_validate(data)
    except ValidationError as error:
        lines = [_explain(path, root, mistake) for mistake in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def line_of(path: Path, *where: str | int) -> int:
    """The line of a key in a file that was read before."""
    return _line_of(
        yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader), [*where]
    )


def _repeated_keys(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Keys that YAML would let win over an earlier one of the same section."""
    to_see, seen = [node], set[int]()  # an alias leads to a node once more, or back to itself
    while to_see:
        node = to_see.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            yield from (key for n, (key, _) in enumerate(node.value) if key.value in names[:n])
            to_see += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            to_see += node.value


def _explain(path: Path, root: yaml.Node | None, mistake: Mapping[str, Any]) -> str:
    where = [part for part in mistake["loc"] if part != "[key]"]
    dotted = ".".join(str(part) for part in where) or "the file"
    message = str(mistake["msg"]).removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        message = "unknown key" + _suggestion(where)
    message = _EXPECTED.get(mistake["type"], message)
    line = _line_of(root, where)
    return f"{path}:{line}: {dotted}: {message[:1].lower()}{message[1:]}"


def _suggestion(where: list[str | int]) -> str:
    """The key that was probably meant."""
    section: type[BaseModel] = CommunitiesFile
    for part in where[:-1]:
        if isinstance(part, str) and part in section.model_fields:
            section = _section_in(section.model_fields[part].annotation) or section
    close = difflib.get_close_matches(str(where[-1]), section.model_fields, n=1)
    known = ", ".join(section.model_fields)
    return f"; did you mean {close[0]}?" if close else f"; known here: {known}"


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, also in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _line_of(node: yaml.Node | None, where: list[str | int]) -> int:
    """The line of the innermost node on the path that the file has, from 1."""
    line = 1
    for part in where:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
            found = node.value[int(part)]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line
