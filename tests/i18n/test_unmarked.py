"""Words in the sources that no catalogue ever sees are found; others are left alone."""

from __future__ import annotations

import pytest

from jupyterhub_communities.i18n import unmarked as module
from jupyterhub_communities.i18n.catalogues import PACKAGE_DIR, TEMPLATES
from jupyterhub_communities.i18n.unmarked import (
    unmarked,
    unmarked_in_module,
    unmarked_in_template,
)


def test_everything_that_the_pages_say_is_marked() -> None:
    assert [str(problem) for problem in unmarked()] == []


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>\n  Welcome back\n</p>", [(2, "Welcome back")]),
        ("<h1>Codes</h1>", [(1, "Codes")]),
        ("<p>{{ name }} has joined</p>", [(1, "0 has joined")]),
        ("{% if x %}<b>yes</b>{% else %}{{ _('no') }}{% endif %}", [(1, "yes")]),
        ("{% trans %}Marked.{% endtrans %} Not marked.", [(1, "Not marked.")]),
        ("{% trans a=b %}One.{% pluralize %}{{ a }}.{% endtrans %}<i>left</i>", [(1, "left")]),
        ("<title>{% block title %}Home{% endblock %}</title>", [(1, "Home")]),
        ('<input\n placeholder="Your name">', [(1, "Your name")]),
        ('<img alt="A mark">', [(1, "A mark")]),
        ('<a title="Back" aria-label="{{ _("Back") }}">‹</a>', [(1, "Back")]),
        ('<input type="submit" value="Send">', [(1, "Send")]),
        ('<meta name="description" content="A hub">', [(1, "A hub")]),
        ('<td data-label="Seats left">', [(1, "Seats left")]),
        ("{{ 'Nobody is here' }}", [(1, "Nobody is here")]),
        ("{{ title or 'Untitled' }}", [(1, "Untitled")]),
        ('{{ text("seats", "Seats") }}', [(1, "Seats")]),
        ("{{ _('%(who)s left', who='Some body') }}", [(1, "Some body")]),
        ("<p>لا أحد</p>", [(1, "لا أحد")]),
    ],
)
def test_words_in_a_template_are_found_with_their_line(template, words) -> None:
    assert unmarked_in_template(template) == words


@pytest.mark.parametrize(
    "template",
    [
        "{{ _('Welcome back') }}",
        "{% trans %}Welcome <strong>back</strong>{% endtrans %}",
        "{% trans name=ltr(x) %}Welcome {{ name }}.{% pluralize %}Welcome all.{% endtrans %}",
        "{{ ngettext('One seat', '%(num)s seats', n) }} · {{ pgettext('person', 'Same name') }}",
        "{# Only for those who write pages. #}<!-- And this -->",
        "<script>const text = 'Some words';</script><style>a { color: red }</style>",
        "<code>jupyterhub-communities init</code>",
        '<main class="container {% block main_class %}narrow{% endblock %}">',
        '<option value="one two" {% if a == "en" %}selected{% endif %}>{{ name }}</option>',
        '<a data-url="{{ url }}" href="/hub/home" lang="es">1 / 2 · {{ reader.own_name }}</a>',
        "<span>JupyterHub</span> {{ x if state == 'open' else '' }}",
    ],
)
def test_a_template_that_says_nothing_of_its_own_passes(template) -> None:
    assert unmarked_in_template(template) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('x = "This code is closed."', [(1, "This code is closed.")]),
        ('draw(\n  message="Please wait …")', [(2, "Please wait …")]),
        ('x = f"{name} is in."', []),  # begins with no capital
        ('x = f"Hello {name}, come in."', [(1, "Hello 0, come in.")]),
        ('raise HTTPError(400, "This form is too long.")', [(1, "This form is too long.")]),
        ("x = Markup('<p>{name} left</p>')", [(1, "0 left")]),
        ("x = Markup('<a title=\"Back\"></a>')", [(1, "Back")]),
        ('x = {"a": "Try once more!"}', [(1, "Try once more!")]),
    ],
)
def test_a_sentence_in_a_module_is_found_with_its_line(code, words) -> None:
    assert unmarked_in_module(code) == words


@pytest.mark.parametrize(
    "code",
    [
        '"""A module says what it is."""\ndef f():\n    """And so does this."""',
        'x = messages.gettext("This code is closed.")',
        'x = N_("This code is closed.")',
        'app_log.warning("The database does not answer. %s", x)',
        'raise ValueError("This cannot be read.")',
        'x = Unicode(help="The folder. Empty for none.")',
        "x = Markup('<p class=\"mb-2\">{name}</p>')",
        'if message == "Spawning server ...": pass',
        'x = "Content-Type"; y = "a b c"; z = "SELECT x FROM y"',
    ],
)
def test_what_no_reader_sees_passes(code) -> None:
    assert unmarked_in_module(code) == []


def test_each_exception_is_still_needed() -> None:
    for (name, words), reason in module._NOT_READ.items():
        text = (PACKAGE_DIR.parent / TEMPLATES / name).read_text(encoding="utf-8")
        assert words in [found for _, found in unmarked_in_template(text)], (name, words)
        assert reason
