"""A look at many people tells each what a look at them alone tells, and costs what one at two costs."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from houses import MEDIUM, NOON, SMALL, SetClock, actor_of, andes, make_house, open_taller
from sql_statements import counted

from jupyterhub_communities.application.communities import Declaration
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.leases import StartRequest, admit, refusals_of, settle
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.loans import Loan
from jupyterhub_communities.domain.refusals import QuotaExceeded
from jupyterhub_communities.domain.units import CPU, SERVER_TIME, SERVERS
from jupyterhub_communities.domain.windows import Rolling
from jupyterhub_communities.storage.balances import SqlBalances
from jupyterhub_communities.storage.together import BalancesTogether

HOUR = 3600
WEEK = Rolling(7)


def declared(slug: str, quota: Quota, cohort: str | None = None) -> Declaration:
    made = andes(slug=slug, champions=(f"champion-of-{slug}",))
    return Declaration(replace(made.community, cohort=cohort), quota, made.champions)


def join(house, code: str, count: int, name: str) -> list[str]:
    asked = [JoinRequest(code, f"{name} {n}", f"{name}-{n}") for n in range(count)]
    return [house.call(redeem_invite, one).account.username for one in asked]


def requests(usernames, profile: str = "small") -> dict[str, StartRequest]:
    return {
        name: StartRequest(f"lease-{name}", ServerKey(name, "another"), profile=profile)
        for name in usernames
    }


@pytest.fixture
def house(database, tmp_path):
    """Two communities of a cohort: shares, a reservation, a loan, a cap and an equal share for each,
    windows for all and for each. Nearly full."""
    each = Spending(SERVER_TIME, Allowance(3 * HOUR, WEEK), is_each=True)
    all_together = Spending(SERVER_TIME, Allowance(9 * HOUR, WEEK))
    equal = Limit(most=3000, is_shared_equally=True)
    andes = Quota({SERVERS: Limit(each=2, share=Share(6, 3, 3)), CPU: equal}, (each, all_together))
    brasil = Quota({SERVERS: Limit(share=Share(4, 0, 4))}, (each,))
    house = make_house(
        tmp_path,
        clock=SetClock(),
        communities=(declared("andes", andes, "south"), declared("brasil", brasil, "south")),
        hub_servers=12,
    )
    yield house
    house.close()


@pytest.fixture
def people(house) -> list[str]:
    found = ["stranger", "another stranger"]
    for slug in ("andes", "brasil"):
        by = f"champion-of-{slug}"
        open_taller(house, title="Later", by=by, community=slug, seats=1, is_reserved=True)
        opened = open_taller(house, by=by, community=slug, seats=None)
        found += join(house, opened.learner_invite.code, 5, slug)
    with house.database.write() as store:
        lent = {"lender": "brasil", "borrower": "andes", "resource": SERVERS, "amount": 1}
        at = {"starts_at": NOON, "ends_at": NOON + timedelta(hours=6), "made_at": NOON}
        store.loans.add(Loan(id="loan", cohort="south", **lent, **at))
    for name in ("stranger", *found[2:5], *found[7:11]):
        for number in ("0", "1"):
            with suppress(QuotaExceeded):
                house.call(admit, StartRequest(name + number, ServerKey(name, number)))
    house.clock.advance(hours=1, minutes=50)
    house.call(meter_leases)
    house.call(settle, found[3] + "0")
    house.clock.advance(seconds=40)
    return found


def told(house, asked: dict[str, StartRequest]) -> dict[str, str]:
    return {key: repr(one) for key, one in house.call(refusals_of, asked).items()}


def told_alone(house, asked: dict[str, StartRequest]) -> dict[str, str]:
    return {key: text for one in asked.items() for key, text in told(house, dict([one])).items()}


@pytest.mark.parametrize("profile", [SMALL.slug, MEDIUM.slug])
def test_each_is_told_what_they_would_be_told_alone(house, people, profile) -> None:
    asked = requests(people, profile)
    together = house.call(refusals_of, asked)
    assert 0 < len(together) < len(people), "some are refused, some are not"
    reasons = {(v.scope, v.resource) for one in together.values() for v in one.violations}
    assert reasons >= {
        (level, what) for level in ("member", "community") for what in (SERVERS, SERVER_TIME)
    }
    assert told(house, asked) == told_alone(house, asked)


def test_whoever_asks_for_what_there_is_not_is_told_so_beside_others(house, people) -> None:
    asked = requests(people[:-1]) | requests(people[-1:], "unknown")
    assert told(house, asked) == told_alone(house, asked)
    assert told(house, asked)[people[-1]] == "ProfileUnknown()"


def forget_members(monkeypatch) -> None:
    monkeypatch.setattr(BalancesTogether, "_read_members", lambda self, place: {})


def mix_places_up(monkeypatch) -> None:
    def around(self, scope, now, until):
        found = SqlBalances.around(self, replace(scope, community="andes"), now, until)
        return replace(found, spends=None)

    monkeypatch.setattr(BalancesTogether, "around", around)


@pytest.mark.parametrize("breaks", [forget_members, mix_places_up])
def test_a_look_at_many_that_errs_is_found(house, people, monkeypatch, breaks) -> None:
    asked = requests(people)
    alone = told_alone(house, asked)
    breaks(monkeypatch)
    assert told(house, asked) != alone


def test_windows_and_limits_of_each_cost_as_much_for_many_as_for_a_few(house, people) -> None:
    """Also where people have two places, of which the last choice is asked for."""
    ana = actor_of(house, "champion-of-andes")
    code = house.call(issue_invite, ana, "andes", NewInvite()).link
    for name in people[2:7]:
        house.call(redeem_invite, JoinRequest(code, f"and {name}", username=name))

    def cost(names: list[str]) -> int:
        with counted(house) as statements:
            house.call(refusals_of, requests(names))
        return len(statements)

    assert cost([*people[2:4], *people[7:9]]) == cost(people[2:]) < 30


@pytest.mark.usefixtures("database")
def test_many_cost_the_statements_of_two(tmp_path) -> None:
    with closing(make_house(tmp_path)) as house:
        people = join(house, open_taller(house, seats=None).learner_invite.code, 30, "Luz")
        for name in people[:3]:
            house.call(admit, StartRequest(name, ServerKey(name)))

        def cost(count: int) -> int:
            with counted(house) as statements:
                told = house.call(refusals_of, requests(people[-count:]))
            assert len(told) == count
            return len(statements)

        # How it begins; the people with their grants, their leases, their workshop, the counters on
        # its path, theirs; when servers end; the community's name.
        assert cost(2) == cost(30) == 8
