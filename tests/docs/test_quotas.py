"""The worked example of the page on quotas is what the rules do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import yaml
from houses import make_house

from jupyterhub_communities.application.admission import hold
from jupyterhub_communities.application.communities import Declaration
from jupyterhub_communities.config.quotas import QuotaSection
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.communities import Community
from jupyterhub_communities.domain.ledger import Ledger, Request, Rules
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import example_of, is_resource, read_amount

PAGE = (Path(__file__).resolve().parents[2] / "docs/quotas.md").read_text()
YAML = re.search(r"```yaml\nquota:\n(.+?)```", PAGE, re.DOTALL)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_example_of_borrowing_is_what_the_rules_do() -> None:
    ledger = Ledger(
        Rules(
            shares={
                ("andes", "servers"): Share(20, may_borrow=10, may_lend=15),
                ("brasil", "servers"): Share(10, may_lend=4),
            },
            cohorts={"andes": "south", "brasil": "south"},
        )
    )
    south = Scope(cohort="south")
    steps = re.findall(
        r"^\| (Andes|Brasil) \| ([+-]\d+) \| (yes|no) \| (.+) \|$", PAGE, re.MULTILINE
    )
    assert len(steps) == 11
    for who, asked, answer, after in steps:
        scope, amount = Scope(who.lower()), int(asked)
        fits = amount < 0 or ledger.judge(Request(scope, {"servers": amount}), NOON).fits
        assert ("yes" if fits else "no") == answer, (who, asked)
        if fits:
            ledger.hold(scope, {"servers": amount}, NOON)
        held = [ledger.held(one, "servers") for one in (Scope("andes"), Scope("brasil"), south)]
        assert held == [int(number) for number in after.split(" | ")], (who, asked)
    assert ledger.rules.limit(south, "servers") == 19


def test_the_database_does_the_same(tmp_path) -> None:
    """The same steps by real admissions: what the model says, the counters in SQLite say too."""
    south = (
        ("andes", Share(20, may_borrow=10, may_lend=15)),
        ("brasil", Share(10, may_lend=4)),
    )
    house = make_house(
        tmp_path,
        communities=tuple(
            Declaration(
                Community(slug, {"en": slug}, "en", declared=True, cohort="south"),
                Quota({"servers": Limit(share=share)}),
            )
            for slug, share in south
        ),
    )
    steps = re.findall(
        r"^\| (Andes|Brasil) \| ([+-]\d+) \| (yes|no) \| (.+) \|$", PAGE, re.MULTILINE
    )
    for who, asked, answer, after in steps:
        community, amount = who.lower(), int(asked)
        desk = house.desk()
        wanted = Request(Scope(community), {"servers": abs(amount)})
        with house.database.write() as store:
            if amount > 0:
                assert hold(desk, store, wanted) == (answer == "yes"), (who, asked)
            else:
                store.balances.release(wanted.scope, wanted.amounts)
        with house.database.read() as store:
            held = [
                store.balances.get(one, "servers").held
                for one in (Scope("andes"), Scope("brasil"), Scope(cohort="south"))
            ]
        assert held == [int(number) for number in after.split(" | ")], (who, asked)
    house.close()


def test_every_amount_on_the_page_can_be_read() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]+ \| (`[^|]+`) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 8
    for names, written in rows:
        for name in re.findall(r"`([^`]+)`", names):
            resource = name.replace("KIND", "a100")
            assert is_resource(resource)
            texts = re.findall(r"`([^`]+)`", written)
            assert all(read_amount(resource, text) > 0 for text in texts)
            assert example_of(resource)


def test_limits_for_each_person_are_written_as_the_page_says() -> None:
    quota = QuotaSection.model_validate(yaml.safe_load(YAML[1])).quota(zone="UTC")
    assert quota.held["servers"].each == 2
    assert quota.held["memory"].is_shared_equally
    assert [one.is_each for one in quota.spent] == [True]
