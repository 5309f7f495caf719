"""Where templates and static files lie, and the environments that they are drawn with."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    pass_eval_context,
)
from jinja2.nodes import EvalContext
from markupsafe import Markup
from tornado.web import StaticFileHandler

from ..domain.texts import in_language
from ..i18n.messages import Style, messages_for, offered
from .hub_sentences import hub_sentence
from .language import ReaderProxy, current_address, current_messages, language_transform
from .requests import RequestIdTransform

_GETTEXT = ("gettext", "ngettext", "pgettext", "npgettext")


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses that templates link to, each ending with a slash."""

    hub_url: str
    service_url: str
    asset_url: str
    name: str = "JupyterHub"

    @property
    def language_url(self) -> str:
        return f"{self.hub_url}communities/language"


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """One choice of the language switch."""

    tag: str
    own_name: str
    direction: str
    url: str
    current: bool


@cache
def share_dir() -> Path:
    """`share/jupyterhub-communities` of the checkout that the package lies in, else installed."""
    checkout = Path(__file__).resolve().parents[2] / "share" / "jupyterhub-communities"
    return checkout if checkout.is_dir() else Path(sys.prefix) / "share" / "jupyterhub-communities"


def is_ours(template: Template) -> bool:
    """And not an operator's, which comes before it."""
    return template.filename is not None and Path(template.filename).is_relative_to(share_dir())


def static_dir() -> Path:
    return share_dir() / "static"


@cache
def asset_version(name: str) -> str:
    """Changes with the file's content, so that it may be cached for ever."""
    return hashlib.sha256((static_dir() / name).read_bytes()).hexdigest()[:12]


class AssetHandler(StaticFileHandler):
    """Our static files; the `v` in their addresses lets browsers keep them."""

    CACHE_MAX_AGE = 365 * 24 * 3600

    def check_xsrf_cookie(self) -> None:
        """Reading a file changes nothing."""

    def set_extra_headers(self, path: str) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")


def asset_handlers(prefix: str = "/communities/static/") -> list[Any]:
    return [(prefix + r"(.*)", AssetHandler, {"path": str(static_dir())})]


def make_environment(site: Site) -> Environment:
    """The service's environment."""
    loader = FileSystemLoader([share_dir() / "templates" / "service", share_dir() / "templates"])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return prepare(environment, site)


def install_hub_templates(settings: dict[str, Any], *, site: Site, hub_language: str) -> None:
    """Puts our templates before the Hub's, and the reader's language into every request.

    `settings` are the Hub's tornado settings, before its application is made.
    """
    *operators, _hubs = settings["template_path"]
    ours = FileSystemLoader([share_dir() / "templates" / "hub", share_dir() / "templates"])
    for name in ("jinja2_env", "jinja2_env_sync"):
        environment: Environment = settings[name]
        assert environment.loader is not None
        environment.loader = ChoiceLoader([FileSystemLoader(operators), ours, environment.loader])
        prepare(environment, site)
    transforms = settings.setdefault("transforms", [])
    transforms[:0] = [language_transform(hub_language), RequestIdTransform]


def prepare(environment: Environment, site: Site) -> Environment:
    """Translations, and the globals that every template of ours may use."""
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.globals.update({kind: _sentence(kind) for kind in _GETTEXT})
    environment.globals["_"] = environment.globals["gettext"]  # else each sentence goes by an alias
    environment.globals.update(
        reader=ReaderProxy(),
        in_language=in_language,
        asset=asset_url(site),
        hub_url=site.hub_url,
        service_url=site.service_url,
        site_name=site.name,
        language_links=_language_links(site),
        ltr=ltr,
        as_typed=as_typed,
        interval=interval,
        hub_sentence=lambda text: hub_sentence(text, current_messages()),
    )
    return environment


def _sentence(kind: str) -> Callable[..., str]:
    """One of gettext's functions for templates: escapes what it fills in, and writes whole numbers
    as the reader does, which the functions of Jinja's extension do not."""

    @pass_eval_context
    def sentence(context: EvalContext, *ids: Any, **values: Any) -> str:
        messages = current_messages()
        text = messages.look_up(kind, *ids)
        if kind in ("ngettext", "npgettext"):
            values.setdefault("num", ids[-1])
        if context.autoescape:
            text = Markup(text)
        return messages.fill(text, values) if "%" in text else text

    return sentence


def asset_url(site: Site) -> Callable[[str], str]:
    return lambda name: f"{site.asset_url}{name}?v={asset_version(name)}"


def ltr(text: str, *, whole: bool = False) -> Markup:
    """A code, key, username or path: left to right also inside Arabic; `whole` on one line."""
    attributes = Markup(' class="whole"') if whole else ""
    return Markup('<bdi dir="ltr"{}>{}</bdi>').format(attributes, text)


def interval(start: datetime, end: datetime, zone: str, style: Style = "long") -> Markup:
    """From when to when in the zone of a workshop. A script of the page adds the reader's own zone,
    which only the browser knows."""
    messages = current_messages()
    # TRANSLATORS: A day and hours in the reader's own time zone, below those of a workshop's.
    here = messages.gettext("Your time: %(time)s", time="{}")
    return Markup(
        '<span class="times" data-start="{}" data-end="{}" data-zone="{}" data-here="{}">{}</span>'
    ).format(
        start.isoformat(), end.isoformat(), zone, here, messages.interval(start, end, zone, style)
    )


def as_typed(text: str) -> Markup:
    """What is typed as it stands, in every language: names of settings."""
    return Markup('<code dir="ltr" translate="no">{}</code>').format(text)


def _language_links(site: Site) -> Callable[[], list[LanguageLink]]:
    def language_links() -> list[LanguageLink]:
        here = quote_plus(current_address() or site.hub_url)
        current = current_messages().tag
        return [
            LanguageLink(
                tag=messages.tag,
                own_name=messages.own_name,
                direction=messages.direction,
                url=f"{site.language_url}?to={messages.tag}&next={here}",
                current=messages.tag == current,
            )
            for messages in map(messages_for, offered())
        ]

    return language_links
