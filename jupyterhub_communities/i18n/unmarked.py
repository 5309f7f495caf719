"""Words that reach a page without passing a catalogue: what `check` finds in the sources.

In templates: every word between tags and in the attributes that people see or hear, outside
`{% trans %}` and `_()`; and literals within expressions that read like a label or a sentence. In the
modules of pages and doors: literals that are a sentence, or HTML with words in it, save docstrings,
what is logged, compared or raised (a refusal is a value with a code), what `help=` tells the operator,
and what gettext is given.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

from .catalogues import PACKAGE_DIR, TEMPLATES, Problem

_UNMARKED = "not marked for translation, write it in _()"
_MARKS = frozenset({"_", "N_", "gettext", "ngettext", "pgettext", "npgettext"})

# Names are the same in every language.
_NAMES = frozenset({"JupyterHub", "JupyterLab", "CSV", "JSON", "QR"})
# Literals of templates that nobody reads, and why.
_NOT_READ = {
    ("hub/page.html", "Error"): "how the Hub's own templates name their dialogue; shown as _()",
}

_WORD = re.compile(r"[^\W\d_]+")
_LABEL = re.compile(
    r"[^\W\d_a-z][^\W\d_A-Z]+[.!?…:]?|.*[^\W\d_]{2,}[.,:;!?]? [^\W\d_]{2,}.*", re.DOTALL
)
_SENTENCE = re.compile(r"[^\W\d_a-z].*\s.*[.!?…]", re.DOTALL)
_FIELD = re.compile(r"\{[^{}]*\}|%\(\w+\)s")  # what `format` and `%` fill in
_SEEN = frozenset({"title", "aria-label", "aria-description", "placeholder", "alt", "label"})
_CODE = frozenset({"script", "style", "code", "kbd", "pre"})  # the same in every language
_BUTTONS = frozenset({"submit", "button", "reset"})

_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
_FOR_OPERATORS = frozenset({"help", "log_message", "description"})  # keywords of calls


def unmarked(root: Path = PACKAGE_DIR.parent) -> list[Problem]:
    """Everything in the sources that people would read in one language only."""
    found = []
    for path in sorted((root / TEMPLATES).rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(root / TEMPLATES).as_posix()
        for line, words in unmarked_in_template(text):
            if (name, words) not in _NOT_READ:
                found.append(Problem(f"{path.relative_to(root)}:{line}", words, _UNMARKED))
    for part in ("pages", "hub", "service"):
        for path in sorted((root / PACKAGE_DIR.name / part).rglob("*.py")):
            for line, words in unmarked_in_module(path.read_text(encoding="utf-8")):
                found.append(Problem(f"{path.relative_to(root)}:{line}", words, _UNMARKED))
    return found


# Templates


def unmarked_in_template(text: str) -> list[tuple[int, str]]:
    """Line and words of whatever a template says in one language."""
    environment = Environment(extensions=["jinja2.ext.i18n"])
    page = _Page()
    page.feed(_html_alone(environment, text))
    page.close()
    literals = _literals(environment.parse(text))
    return sorted({*page.found, *((line, words) for line, words in literals if _is_label(words))})


def _html_alone(environment: Environment, text: str) -> str:
    """The template as HTML, line by line, with a digit for each expression that is filled in."""
    html: list[str] = []
    tag: list[str] = []  # the words of the last {% … %}
    is_marked = is_class = False
    for _, kind, value in environment.lex(text):
        if kind == "data" and not is_marked and not is_class:
            html.append(value)
            continue
        html.append("0" * (kind == "variable_begin" and not is_marked) + "\n" * value.count("\n"))
        if kind == "block_begin":
            tag = []
        elif kind == "name":
            tag.append(value)
        elif kind == "block_end":
            if tag[0] in ("trans", "endtrans"):
                is_marked = tag[0] == "trans"
            # What a template fills into an attribute class, such as {% block main_class %}.
            is_class = tag[0] == "block" and tag[1].endswith("_class")
    return "".join(html)


class _Page(HTMLParser):
    """Collects what a page says."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_code = tag in _CODE
        given = dict(attrs)
        is_button = tag == "input" and given.get("type") in _BUTTONS
        for name, value in attrs:
            is_meta = name == "content" and given.get("name") == "description"
            is_seen = name in _SEEN or (name == "value" and is_button) or is_meta
            # Scripts show what stands in data-….
            if is_seen or (name.startswith("data-") and _is_label(value or "")):
                self._add(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._is_code = False

    def handle_data(self, data: str) -> None:
        if not self._is_code:
            self._add(data)

    def _add(self, text: str) -> None:
        if [word for word in _WORD.findall(text) if word not in _NAMES]:
            before = text.partition(text.strip())[0].count("\n")
            self.found.append((self.getpos()[0] + before, " ".join(text.split())))


def _is_label(text: str) -> bool:
    return text not in _NAMES and _LABEL.fullmatch(text) is not None


def _literals(node: nodes.Node) -> Iterator[tuple[int, str]]:
    """The literals of a template's expressions that are not marked."""
    is_marked = (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Name)
        and node.node.name in _MARKS
    )
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.lineno, node.value
    for child in node.iter_child_nodes(exclude=("args",) if is_marked else ()):
        yield from _literals(child)


# Modules


def unmarked_in_module(text: str) -> list[tuple[int, str]]:
    """Line and words of each sentence in a module that could reach a page unmarked."""
    return sorted(_sentences(ast.parse(text)))


def _sentences(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, (ast.Assert, ast.Compare)):
        return
    if isinstance(node, ast.Raise) and _called(node.exc) != "HTTPError":
        return
    if _called(node) in _MARKS | _LOGS:
        return
    if isinstance(node, ast.keyword) and node.arg in _FOR_OPERATORS:
        return
    words = _words_of(node)
    if words is None:
        for child in ast.iter_child_nodes(node):
            yield from _sentences(child)
    elif "</" in words:
        page = _Page()
        page.feed(_FIELD.sub("0", words))
        yield from ((getattr(node, "lineno", 1), found) for _, found in page.found)
    elif _SENTENCE.fullmatch(words.strip()):
        yield getattr(node, "lineno", 1), words.strip()


def _called(node: ast.AST | None) -> str:
    """The name of the function that a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", "") or getattr(node.func, "attr", "")


def _words_of(node: ast.AST) -> str | None:
    """A literal's text, with a digit for each expression in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_words_of(part) or "0" for part in node.values)
    return None
