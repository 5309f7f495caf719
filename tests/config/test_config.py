"""The operator's file: what it accepts, and what it says of mistakes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml

from jupyterhub_communities.config import ConfigError, json_schema, load_config
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Role

GOOD = """\
hub:
  language: es
  servers: 10
communities:
  - slug: andes
    name: {es: Andes, en: The Andes}
    language: es
    champions: [ana]
    quota: {servers: 4}
profiles:
  - slug: small
    name: {en: Small, es: Pequeño}
    cpu: 0.5
    memory: 1Gi
    communities: [andes]
    roles: [instructor]
    lesson: {es: /lab/tree/leccion.ipynb}
"""


def load(tmp_path, text):
    path = tmp_path / "communities.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def mistakes(tmp_path, text) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    return [
        line.removeprefix(f"{tmp_path}/communities.yaml:") for line in str(error.value).split("\n")
    ]


def test_a_good_file_becomes_settings_and_declarations(tmp_path) -> None:
    config = load(tmp_path, GOOD)
    (profile,) = config.settings().catalogue.profiles
    (declaration,) = config.declarations()
    assert (profile.milli_cpu, profile.memory) == (500, 1024**3)
    assert profile.roles == {Role.INSTRUCTOR}
    assert declaration.community.name("es-PE") == "Andes"
    assert declaration.quota.held["servers"].most == 4


def test_prices_are_read_exactly_and_a_currency_is_one_that_there_is(tmp_path) -> None:
    prices = "prices: {currency: PEN, server_hour: 0.1, gpu_hour: {a100: 2.50}}"
    found = load(tmp_path, GOOD.replace("servers: 10", prices)).settings().prices
    assert (found.currency, found.server, found.cpu) == ("PEN", Decimal("0.1"), 0)
    assert found.gpus == {"a100": Decimal("2.5")}
    assert load(tmp_path, GOOD).settings().prices is None
    for wrong in ("currency: Soles", "currency: PEN, cpu_hour: -1", "server_hour: 1"):
        line = mistakes(tmp_path, GOOD.replace("servers: 10", f"prices: {{{wrong}}}"))[0]
        assert line.startswith("3: hub.prices"), line


def test_gpus_and_storage_of_a_profile_and_of_its_options(tmp_path) -> None:
    option = "options: [{slug: none, name: None, gpus: {}}, {slug: same, name: Same}]"
    config = load(
        tmp_path,
        f"{GOOD}    storage: 5G\n    gpus: {{a100: 1}}\n"
        f"    choices: [{{slug: gpu, name: GPU, {option}}}]\n",
    )
    (profile,) = config.settings().catalogue.profiles
    assert (profile.storage, profile.gpus) == (5 * 10**9, {"a100": 1})
    assert [option.gpus for option in profile.choices[0].options] == [{}, None]


def test_an_empty_file_is_a_hub_without_communities(tmp_path) -> None:
    assert load(tmp_path, "").communities == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("language: es\n  servers", "langauge: es\n  servers"),
         "2: hub.langauge: unknown key; did you mean language?"),
        (GOOD.replace("servers: 4", "severs: 4"),
         "9: communities.0.quota.severs: unknown key; did you mean servers?"),
        (GOOD.replace("slug: andes\n", "slug: Los Andes\n"),
         "5: communities.0.slug: expected a slug: lower-case letters"),
        (GOOD.replace("language: es\n    champions", "language: klingon\n    champions"),
         "7: communities.0.language: expected a language tag"),
        (GOOD.replace("memory: 1Gi", "memory: lots"),
         "14: profiles.0.memory: expected a size such as 512M, 2G or 2Gi"),
        (GOOD.replace("cpu: 0.5", "gpus: {A100: 1}"), "13: profiles.0.gpus.A100: expected a slug"),
        (GOOD.replace("cpu: 0.5", "gpus: {a100: -1}"), "13: profiles.0.gpus.a100: input should be"),
        (GOOD.replace("cpu: 0.5", "storage: 5 disks"),
         "13: profiles.0.storage: expected a size such as 512M, 2G or 2Gi"),
        (GOOD.replace("cpu: 0.5", "cpu: half"),
         "13: profiles.0.cpu: expected processors such as 1, 0.5 or 500m"),
        (GOOD.replace("servers: 10", "servers: 0"), "3: hub.servers: input should be greater than 0"),
        (GOOD.replace("roles: [instructor]", "roles: [king]"), "16: profiles.0.roles.0: input should be"),
        (GOOD.replace("communities: [andes]", "communities: [nowhere]"),
         "15: profiles.0.communities.0: there is no nowhere in this file; there is: andes"),
        (GOOD.replace("communities: [andes]", "communities: [andez]"),
         "15: profiles.0.communities.0: there is no andez in this file; did you mean andes?"),
        (GOOD.replace("communities: [andes]", "workshops: [andez/mapas]"),
         "15: profiles.0.workshops.0: there is no andez in this file; did you mean andes?"),
        (GOOD.replace("communities: [andes]", "workshops: [mapas]"),
         "15: profiles.0.workshops.0: expected a workshop as community/workshop"),
        (GOOD.replace("profiles:", "  - {slug: andes, name: Again}\nprofiles:"),
         "10: communities.1.slug: another entry has the slug andes"),
        (GOOD.replace("{servers: 4}", "{memory: {may_borrow: 4Gi}}"),
         "9: communities.0.quota.memory: expected nominal beside may_borrow and may_lend"),
        (GOOD.replace("{servers: 4}", "{gpus: {a100: {may_lend: 4, most: 4}}}"),
         "9: communities.0.quota.gpus.a100: expected nominal beside may_borrow and may_lend"),
        (GOOD.replace("{servers: 4}", "{servers: {nominal: 4, may_borrow: 2}}"),
         "9: communities.0.quota.servers: may_borrow and may_lend need a cohort"),
        (GOOD.replace("servers: 10", "quota: {gpus: {a100: {nominal: 9, may_lend: 1}}}"),
         "3: hub.quota.gpus.a100: may_borrow and may_lend need a cohort"),
        (GOOD.replace("{servers: 4}", "{server_time: [{limit: 1 server-hours, window: 1 day}, "
                      "{limit: 2 server-hours, window: 1 days}]}"),
         "9: communities.0.quota: server_time has two limits over the same window"),
        (GOOD.replace("{servers: 4}", "{gpu_time: {a100: [{limit: 1 gpu-hours, window: month}, "
                      "{limit: 2 gpu-hours, window: month}]}}"),
         "9: communities.0.quota: gpu_time of a100 has two limits over the same window"),
        (GOOD.replace("{servers: 4}", "{server_time: {limit: 1 server-hours, window: since 0001-01-01}}"),
         "9: communities.0.quota.server_time.0.window: expected a window such as 30 days"),
        (GOOD.replace("{servers: 4}", "{server_time: {limit: 1 server-hours, window: since 9999-12-31}}"),
         "9: communities.0.quota.server_time.0.window: expected a window such as 30 days"),
        ("communities: [", "1: "),
        ("a: b: c", "1: mapping values are not allowed here"),
        ("- just\n- a list\n", "1: the file: expected keys with values"),
        ("communities: none", "1: communities: expected a list"),
        (GOOD.replace("champions: [ana]", "champions: [7]"), "8: communities.0.champions.0: expected a text"),
        (GOOD.replace("servers: 10", f"servers: {10**30}"), "3: hub.servers: input should be less"),
        (GOOD + "hub: {language: en}\n", "18: hub: this key stands here twice"),
        (GOOD.replace("cpu: 0.5", "cpu: 0.5\n    cpu: 1"), "14: cpu: this key stands here twice"),
        ("hub: {database: 'mysql://name:secret@host/x'}", "1: hub.database: expected a file name"),
        ("communities: &again [*again]", "1: communities.0"),
        ("communities:\n  - slug: a\n", "2: communities.0.name: field required"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_path_and_what_was_expected(tmp_path, text, expected) -> None:
    assert any(line.startswith(expected) for line in mistakes(tmp_path, text)), mistakes(
        tmp_path, text
    )


def test_the_same_window_may_bind_all_together_and_each_person(tmp_path) -> None:
    both = "[{limit: 9 server-hours, window: month}, {limit: 1 server-hours, window: month, each: true}]"
    config = load(tmp_path, GOOD.replace("{servers: 4}", f"{{server_time: {both}}}"))
    assert len(config.declarations()[0].quota.spent) == 2


@pytest.mark.parametrize("tag", ["qu", "ay", "ht", "wo", "es-PE", "zh-Hant"])
def test_a_community_may_speak_any_language_that_has_a_code(tmp_path, tag) -> None:
    text = GOOD.replace("language: es\n    champions", f"language: {tag}\n    champions")
    assert load(tmp_path, text).communities[0].language == tag


def test_every_mistake_is_told_at_once(tmp_path) -> None:
    text = GOOD.replace("cpu: 0.5", "cpu: half").replace("memory: 1Gi", "memory: lots")
    assert len(mistakes(tmp_path, text)) == 2


def test_a_missing_file_names_the_command_that_makes_one(tmp_path) -> None:
    with pytest.raises(ConfigError, match="jupyterhub-communities init"):
        load_config(tmp_path / "communities.yaml")


def test_a_file_that_is_not_text_is_refused_in_a_sentence(tmp_path) -> None:
    path = tmp_path / "communities.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)


ENDS = """\
hub: {grace_days: 3, rescue_profile: small, outside_communities: refuse, stop_servers_at_end: %s}
communities:
  - {slug: andes, name: Andes, retention_days: 90}
  - {slug: brasil, name: Brasil, stop_servers_at_end: %s}
profiles: [{slug: small, name: Small}]
"""


@pytest.mark.parametrize(
    ("hub", "brasil", "stopping"),
    [
        ("false", "null", set()),
        ("false", "true", {"brasil"}),
        ("true", "null", {"andes", "brasil"}),
        ("true", "false", {"andes"}),
    ],
)
def test_what_happens_at_the_end_of_access(tmp_path, hub, brasil, stopping) -> None:
    config = load(tmp_path, ENDS % (hub, brasil))
    settings = config.settings()
    assert settings.grace == timedelta(days=3)
    assert settings.rescue_profile == "small"
    assert not settings.admits_outside
    assert {s for s in ("andes", "brasil") if settings.running[s].stops_at_end} == stopping
    assert [d.community.retention_days for d in config.declarations()] == [90, None]


def test_without_a_word_people_have_two_weeks_and_nothing_is_erased_by_itself(tmp_path) -> None:
    config = load(tmp_path, GOOD)
    settings = config.settings()
    assert settings.grace == timedelta(days=14)
    assert settings.rescue_profile is None, "the smallest"
    assert settings.admits_outside
    assert not any(rules.stops_at_end for rules in settings.running.values())
    assert config.declarations()[0].community.retention_days is None


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("hub: {grace_days: -1}", "hub.grace_days"),
        ("hub: {outside_communities: maybe}", "hub.outside_communities"),
        (
            "hub: {rescue_profile: tiny}\nprofiles: [{slug: small, name: Small}]",
            "hub.rescue_profile: there is no tiny in this file; there is: small",
        ),
        ("communities: [{slug: a, name: A, retention_days: soon}]", "retention_days"),
    ],
)
def test_mistakes_about_ends_are_named(tmp_path, text, mistake) -> None:
    assert mistake in mistakes(tmp_path, text)[0]


CHOICES = """\
communities:
  - {slug: andes, name: Andes, profiles: [small]}
profiles:
  - slug: small
    name: Small
    image: {en: "lab:en", es: "lab:es"}
    environment: {GREETING: {en: hello, es: hola}, PLAIN: x}
    choices:
      - slug: kind
        name: Kind
        options:
          - {slug: base, name: Base}
          - {slug: big, name: Big, memory: 2G, roles: [instructor]}
          - {slug: gpu, name: GPU, kubespawner_override: {node_selector: {pool: gpu}}}
        other_image: {allowed: "example.org/.*"}
"""


def read(tmp_path, text: str):
    (tmp_path / "communities.yaml").write_text(text)
    return load_config(tmp_path / "communities.yaml")


def test_choices_with_options(tmp_path) -> None:
    catalogue = read(tmp_path, CHOICES).settings().catalogue
    (profile,) = catalogue.profiles
    (choice,) = profile.choices
    assert [option.memory for option in choice.options] == [None, 2_000_000_000, None]
    assert choice.options[2].overrides == {"node_selector": {"pool": "gpu"}}
    assert profile.variables("es") == {"GREETING": "hola", "PLAIN": "x"}
    assert (profile.image("es"), profile.image("sw")) == ("lab:es", "lab:en")
    assert catalogue.orders["andes"] == ("small",)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("memory: 2G", "memry: 2G", 13, "unknown key; did you mean memory?"),
        ("roles: [instructor]", "communities: [ands]", 13, "did you mean andes?"),
        ("slug: big", "slug: base", 13, "another entry has the slug base"),
        ("profiles: [small]", "profiles: [smal]", 2, "did you mean small?"),
        ("{node_selector: {pool: gpu}}", "gpu", 14, "expected keys with values"),
        ("name: Small", "name: Small\n    lesson: lesson.ipynb", 6, "a path that begins with /"),
        ("name: Small", "name: {klingon: Small}", 5, "expected a language tag"),
        ("{en: hello, es: hola}", "7", 7, "expected"),
        ("slug: small\n", "slug: small\n    former_slugs: [small]\n", 5, "had, the slug small"),
        (
            "  - slug: small\n",
            "  - {slug: a, name: A, former_slugs: [b]}\n  - slug: small\n    former_slugs: [b]\n",
            6,
            "a profile has, or had, the slug b already",
        ),
        (
            "    choices:\n",
            "    choices:\n      - {slug: none, name: None}\n",
            9,
            "expected options, or other_image",
        ),
        (
            'other_image: {allowed: "example.org/.*"}',
            'other_image: {allowed: "x", communities: [ands]}',
            15,
            "did you mean andes?",
        ),
        ('allowed: "example.org/.*"', 'allowed: "("', 15, "regular expression"),
        ('allowed: "example.org/.*"', 'alowed: "x"', 15, "did you mean allowed?"),
    ],
)
def test_a_mistake_within_a_choice_is_told_with_its_line(tmp_path, old, new, line, message) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, CHOICES.replace(old, new))
    found = [text for text in str(caught.value).splitlines() if message in text]
    assert f"communities.yaml:{line}:" in "".join(found), caught.value


def test_a_community_may_borrow_and_lend_nothing_at_all(tmp_path) -> None:
    shared = "cohort: sur\n    quota: {servers: {nominal: 4, may_borrow: 0, may_lend: 0}}"
    (declared,) = load(tmp_path, GOOD.replace("quota: {servers: 4}", shared)).declarations()
    assert declared.quota.held["servers"].share == Share(4, 0, 0)
    (told,) = mistakes(tmp_path, GOOD.replace("servers: 4", "servers: {nominal: 0}"))
    assert "greater than 0" in told


def test_the_published_schema_knows_the_file() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    example = Path(__file__).parents[2] / "examples/local/communities.yaml"
    for text in (example.read_text(), CHOICES):
        assert not list(validator.iter_errors(yaml.safe_load(text)))
    wrong = yaml.safe_load(CHOICES.replace("memory: 2G", "memry: 2G"))
    assert any("memry" in error.message for error in validator.iter_errors(wrong))
