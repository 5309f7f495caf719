"""Template environments, and the layout that light pages share."""

import re

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, UndefinedError, nodes

from jupyterhub_communities.i18n.messages import offered
from jupyterhub_communities.pages.headers import page_headers
from jupyterhub_communities.pages.language import use_language
from jupyterhub_communities.pages.templates import (
    Site,
    asset_version,
    install_hub_templates,
    make_environment,
    share_dir,
    static_dir,
)

SITE = Site(hub_url="/hub/", service_url="/services/communities/", asset_url="/hub/static/ours/")
TEMPLATES = share_dir() / "templates"
LIGHT = 30_000  # bytes of a whole light page


@pytest.fixture
def environment() -> Environment:
    return make_environment(SITE)


@pytest.fixture
def hub_settings(tmp_path):
    """Tornado settings as the Hub makes them, with one template of an operator's."""
    operators, hubs = tmp_path / "operator", tmp_path / "hub"
    for folder in (operators, hubs):
        folder.mkdir()
    (operators / "home.html").write_text("the operator's")
    for name in ("home.html", "error.html", "admin.html"):
        (hubs / name).write_text("the Hub's")
    paths = [str(operators), str(hubs)]
    loader = ChoiceLoader(
        [PrefixLoader({"templates": FileSystemLoader([str(hubs)])}), FileSystemLoader(paths)]
    )
    return {
        "template_path": paths,
        "jinja2_env": Environment(loader=loader, autoescape=True, enable_async=True),
        "jinja2_env_sync": Environment(loader=loader, autoescape=True),
    }


# What those who draw a page hand in to be called; `caller` and `static_url` are Jinja's and the Hub's.
HANDED_IN = {
    *(
        "amount",
        "drawn_for",
        "later_days",
        "person_path",
        "query",
        "resource",
        "violated",
        "window",
    ),
    *("caller", "static_url"),
}


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.stem)
def test_what_a_template_calls_is_there(environment, path):
    """Also in a part that is drawn only when something is wrong."""
    tree = environment.parse(path.read_text())
    own = {macro.name for macro in tree.find_all(nodes.Macro)}
    for imported in tree.find_all(nodes.FromImport):
        own |= {name if isinstance(name, str) else name[1] for name in imported.names}
    called = (call.node for call in tree.find_all(nodes.Call))
    names = {one.name for one in called if isinstance(one, nodes.Name)}
    assert names <= own | HANDED_IN | environment.globals.keys()


@pytest.mark.parametrize("tag", offered())
def test_the_layout_says_its_language_and_offers_every_other(environment, tag):
    with use_language(tag):
        page = environment.get_template("layout.html").render()
    direction = "rtl" if tag == "ar" else "ltr"
    assert f'<html lang="{tag}" dir="{direction}">' in page
    assert re.findall(r'hreflang="([^"]*)"', page) == list(offered())
    assert re.search(rf'hreflang="{tag}"\s+aria-current="true"', page)
    assert "/hub/communities/language?to=es&amp;next=" in page


def test_who_is_signed_in_finds_the_way_out(environment):
    layout = environment.get_template("layout.html")
    assert "/hub/logout" in layout.render(person_name="<Inti>")
    assert "&lt;Inti&gt;" in layout.render(person_name="<Inti>")
    assert "/hub/logout" not in layout.render(person_name="")


def test_sentences_in_templates_are_translated_escaped_and_counted(environment):
    page = environment.from_string(
        "{{ _('You start the server of %(name)s.', name='<b>') }} "
        "{{ ngettext('%(num)s day', '%(num)s days', 1200) }} "
        "{% trans name=ltr('<x>') %}You start the server of {{ name }}.{% endtrans %}"
    )
    with use_language("es"):
        assert page.render() == (
            "Vas a iniciar el servidor de &lt;b&gt;. 1.200 días "
            'Vas a iniciar el servidor de <bdi dir="ltr">&lt;x&gt;</bdi>.'
        )


def test_a_forgotten_variable_is_an_error_in_the_service(environment):
    with pytest.raises(UndefinedError):
        environment.from_string("{{ forgotten }}").render()


def test_the_hubs_environments_find_the_operators_templates_then_ours_then_the_hubs(hub_settings):
    install_hub_templates(hub_settings, site=SITE, hub_language="en")
    for name in ("jinja2_env", "jinja2_env_sync"):
        environment = hub_settings[name]
        assert environment.get_template("home.html").render() == "the operator's"
        assert environment.get_template("admin.html").render() == "the Hub's"
        ours = environment.get_template("error.html").filename
        assert ours == str(TEMPLATES / "hub" / "error.html")
    assert len(hub_settings["transforms"]) == 2, "the language, and the id of the request"


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_every_template_can_be_compiled(environment, path):
    environment.parse(path.read_text(encoding="utf-8"))


def shown_functions(environment, source: str) -> set[str]:
    """Functions of every template that stand where a page's own variable is meant."""
    tree = environment.parse(source)
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    names = [name for name in tree.find_all(nodes.Name) if name.ctx == "load"]
    functions = {name for name, each in environment.globals.items() if callable(each)}
    return {name.name for name in names if id(name) not in called} & functions


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_no_page_shows_a_function_where_it_has_no_variable_of_that_name(environment, path):
    assert shown_functions(environment, path.read_text()) == set()


def test_a_function_that_is_shown_is_noticed(environment):
    source = '{{ ltr("a") }}<input value="{{ ltr }}">'
    assert shown_functions(environment, source) == {"ltr"}


@pytest.mark.parametrize("path", sorted((TEMPLATES / "service").glob("*.html")))
def test_light_pages_carry_nothing_that_their_policy_forbids(path):
    text = re.sub(r"{[{%].*?[}%]}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)


def test_the_policy_of_our_pages_allows_only_what_is_ours():
    headers = page_headers()
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_an_address_of_an_asset_changes_with_its_content(environment):
    page = environment.from_string("{{ asset('communities.css') }}").render()
    assert page == f"/hub/static/ours/communities.css?v={asset_version('communities.css')}"


def test_what_a_light_page_loads_stays_light_even_uncompressed():
    layout = (TEMPLATES / "layout.html").read_text(encoding="utf-8")
    assets = set(re.findall(r"asset\('([^']+)'\)", layout))
    assert assets == {"communities.css", "mark.svg"}
    assert sum((static_dir() / name).stat().st_size for name in assets) < LIGHT / 2
