"""The reference pages, written from the code at each build; none is committed."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from jupyterhub_communities.cli import _parser
from jupyterhub_communities.config import CommunitiesFile
from jupyterhub_communities.domain.refusals import all_refusals
from jupyterhub_communities.hub.authenticator import CommunityAuthenticatorMixin
from jupyterhub_communities.hub.spawner import CommunitySpawnerMixin
from jupyterhub_communities.pages.refusals import STATUS

FOLDER = Path(__file__).parents[1] / "reference"


def setup(app: Any) -> dict[str, bool]:
    app.connect("config-inited", lambda app, config: write_all(FOLDER))
    return {"parallel_read_safe": True}


def write_all(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def pages() -> dict[str, str]:
    return {
        "communities-yaml": yaml_page(),
        "traits": traits_page(),
        "cli": cli_page(),
        "refusals": refusals_page(),
    }


def yaml_page() -> str:
    lines = [
        "# communities.yaml",
        "",
        "The operator's file. `jupyterhub-communities check` says of each mistake the line, the "
        "path and what was expected; an unknown key is a mistake.",
    ]
    for name, field in CommunitiesFile.model_fields.items():
        model = model_of(field.annotation)
        lines += ["", f"## {name}", "", (model.__doc__ or "").strip(), ""]
        lines += keys_of(model, "")
    return "\n".join(lines) + "\n"


def keys_of(model: type[BaseModel], prefix: str) -> list[str]:
    lines = []
    for name, field in model.model_fields.items():
        inner = model_of(field.annotation)
        path = f"{prefix}{name}"
        if inner is not None:
            lines += keys_of(inner, f"{path}.")
            continue
        default = "required" if field.is_required() else f"default: {shown(field.default)}"
        lines += [f"`{path}` ({default})", f": {field.description or ''}", ""]
    return lines


def shown(value: Any) -> str:
    return "none" if value in (None, (), {}) else f"`{value}`"


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation holds, also in a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, UnionType):
        for inner in get_args(annotation):
            if found := model_of(inner):
                return found
    return None


def traits_page() -> str:
    lines = [
        "# Traits",
        "",
        "`configure(c, …)` sets what is needed; everything stays open in `jupyterhub_config.py`.",
    ]
    for cls in (CommunityAuthenticatorMixin, CommunitySpawnerMixin):
        lines += ["", f"## {cls.__name__}", "", " ".join((cls.__doc__ or "").split()), ""]
        for name, trait in own_traits(cls).items():
            lines += [f"`c.{cls.__name__}.{name}`", f": {' '.join(trait.help.split())}", ""]
    return "\n".join(lines) + "\n"


def own_traits(cls: Any) -> dict[str, Any]:
    """The configurable traits that the class, or a part of it that is ours, adds or redefines."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("jupyterhub_communities.")]
    return {
        name: trait
        for name, trait in cls.class_traits(config=True).items()
        if any(name in vars(base) for base in ours)
    }


def cli_page() -> str:
    lines = ["# Command line", ""]
    parser = _parser()
    lines += ["```text", parser.format_help().strip(), "```"]
    for name, command in commands(parser).items():
        lines += ["", f"## {name}", "", "```text", command.format_help().strip(), "```"]
    return "\n".join(lines) + "\n"


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def refusals_page() -> str:
    lines = [
        "# Refusals",
        "",
        "Every way of saying no has a stable code. The API gives it in `code`; the sentence comes "
        "in the reader's language.",
        "",
        "| code | status | when |",
        "|---|---|---|",
    ]
    for refusal in all_refusals():
        doc = refusal.__doc__ or ""
        meaning = "" if doc.startswith(f"{refusal.__name__}(") else " ".join(doc.split())
        lines.append(f"| `{refusal.code}` | {STATUS[refusal.code]} | {meaning} |")
    return "\n".join(lines) + "\n"
