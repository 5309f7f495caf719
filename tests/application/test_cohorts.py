"""A cohort: shares, asking for more and the answers, lending, workshops to share."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import MEDIUM, SMALL, SetClock, actor_of, andes, make_house, open_taller

from jupyterhub_communities.application.asking import (
    NewAsk,
    answer_ask,
    ask_for_more,
    open_asks,
    withdraw_ask,
)
from jupyterhub_communities.application.cohorts import view_cohort
from jupyterhub_communities.application.communities import view_usage
from jupyterhub_communities.application.dividing import set_quota
from jupyterhub_communities.application.lending import NewLoan, end_loan, lend
from jupyterhub_communities.application.notices import list_notices
from jupyterhub_communities.application.reservations import view_overbooked
from jupyterhub_communities.application.templates import (
    TemplateChoice,
    share_template,
    unshare_template,
    use_template,
    view_templates,
)
from jupyterhub_communities.application.workshops import close_workshop
from jupyterhub_communities.domain.asks import MOST_ASKS, AskState
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import (
    AmountInvalid,
    AskAnswered,
    AskElsewhere,
    AskInFile,
    AskIsDated,
    LimitUnknown,
    LoanNotPossible,
    LoanTooLarge,
    LoanUnusable,
    NotFound,
    NotInCohort,
    PermissionDenied,
    ReasonInvalid,
    ReservationTooLarge,
    TemplateProfile,
    TemplateShared,
    TooManyAsks,
    VersionOutdated,
    WorkshopNotOver,
)
from jupyterhub_communities.domain.windows import CalendarMonth

HOUR = timedelta(hours=1)
OPERATOR = Actor(None, is_operator=True)
OWNED = Quota(
    {"servers": Limit(share=Share(10, may_borrow=2)), "memory": Limit(most=2**36)},
    (Spending("server-time", Allowance(360_000, CalendarMonth("UTC"))),),
)


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def house(tmp_path, clock):
    """`andes` and `brasil` share a cohort, `costa` stands alone; the file names none of them."""
    declared = [
        replace(one, community=replace(one.community, cohort=cohort), quota=OWNED)
        for one, cohort in (
            (andes(), "sur"),
            (andes(slug="brasil", champions=("bia",)), "sur"),
            (andes(slug="costa", champions=("caro",)), None),
        )
    ]
    special = replace(MEDIUM, communities=frozenset({"andes"}))
    house = make_house(
        tmp_path, clock=clock, communities=tuple(declared), profiles=(SMALL, special)
    )
    house.settings = replace(house.settings, communities=frozenset())
    yield house
    house.close()


def who(house, name: str) -> Actor:
    return OPERATOR if name == "operator" else actor_of(house, name)


def ask(house, by="ana", at="andes", **wanted):
    known = {"limit": "servers", "amount": "5", "reason": "Un curso en marzo", **wanted}
    return house.call(ask_for_more, who(house, by), at, NewAsk(**known))


def answer(house, one, *, granted, text="Sí", by="operator", expected=None):
    return house.call(
        answer_ask, who(house, by), "sur", one.id, text, is_granted=granted, expected=expected
    )


def lend_to(house, to="brasil", by="ana", at="andes", **more):
    now = house.clock.now()
    known = {"resource": "servers", "amount": 4, "ends_at": now + 4 * HOUR, **more}
    return house.call(lend, who(house, by), at, NewLoan(borrower=to, **known))


def quota_of(house, slug) -> Quota:
    with house.database.read() as store:
        return store.limits.quota(Scope(slug))


def view(house, by="ana"):
    return house.call(view_cohort, who(house, by), "sur")


def test_champions_of_the_cohort_and_the_operator_see_what_each_has(house) -> None:
    lend_to(house)
    for name in ("ana", "bia", "operator"):
        rows = {row.community.slug: row.view.held[0] for row in view(house, name).rows}
        assert list(rows) == ["andes", "brasil"]
        assert (rows["andes"].owned, rows["andes"].given, rows["andes"].idle) == (6, 4, 6)
        assert (rows["brasil"].owned, rows["brasil"].received) == (14, 4)
        assert rows["brasil"].most == 16
    assert view(house).own == ("andes",)
    with pytest.raises(NotFound):
        view(house, "caro")
    with pytest.raises(NotFound):
        house.call(view_cohort, who(house, "ana"), "norte")
    with pytest.raises(NotInCohort):
        ask(house, by="caro", at="costa")


def test_what_is_granted_raises_the_limit_in_the_open(house) -> None:
    for limit, amount in (
        ("servers", "5"),
        ("memory", "1Gi"),
        ("server-time month", "50 server-hours"),
    ):
        one = ask(house, limit=limit, amount=amount)
        assert house.call(open_asks, OPERATOR) == {"sur": 1}
        answered = answer(house, one, granted=True, expected={one.version})
        assert answered.state is AskState.GRANTED
    quota = quota_of(house, "andes")
    assert quota.held["servers"].share == Share(15, may_borrow=2)
    assert quota.held["memory"].most == 2**36 + 2**30
    assert quota.spent[0].allowance.limit == 540_000
    assert {one.answer for one in view(house, "bia").asks} == {"Sí"}
    assert house.call(open_asks, OPERATOR) == {}
    with house.database.write() as store:
        assert store.limits.add_up_cohorts() == 0
        pool = store.balances.get(Scope(cohort="sur"), "servers")
    assert pool.limit == 25
    assert [one.kind for one in house.call(list_notices, "ana")] == ["ask.answered"] * 3


def test_an_ask_is_answered_once_and_for_the_version_that_was_seen(house) -> None:
    one, other = ask(house), ask(house, amount="1")
    with pytest.raises(ReasonInvalid):
        answer(house, one, granted=False, text=" ")
    assert answer(house, one, granted=False, text="No hay más").answer == "No hay más"
    with pytest.raises(VersionOutdated):
        answer(house, one, granted=True, expected={one.version})
    with pytest.raises(AskAnswered):
        answer(house, one, granted=True)
    house.call(withdraw_ask, who(house, "ana"), "andes", other.id)
    with pytest.raises(AskAnswered):
        house.call(withdraw_ask, who(house, "ana"), "andes", other.id)
    assert quota_of(house, "andes") == OWNED


def test_only_the_operator_answers_and_only_the_community_withdraws(house) -> None:
    one = ask(house)
    for name in ("ana", "bia"):
        with pytest.raises(PermissionDenied):
            answer(house, one, granted=True, by=name)
    with pytest.raises(NotFound):
        house.call(withdraw_ask, who(house, "bia"), "brasil", one.id)
    with pytest.raises(NotFound):
        house.call(withdraw_ask, who(house, "bia"), "andes", one.id)


def test_where_the_file_says_the_limit_it_is_raised_there_first(house) -> None:
    house.settings = replace(house.settings, communities=frozenset({"andes"}))
    one = ask(house)
    with pytest.raises(AskInFile) as refused:
        answer(house, one, granted=True)
    assert (refused.value.name, refused.value.value) == ("servers nominal", "15")
    with house.database.write() as store:
        raised = Limit(share=Share(15, may_borrow=2))
        store.limits.set_quota(Scope("andes"), replace(OWNED, held={"servers": raised}))
    assert answer(house, one, granted=True).state is AskState.GRANTED
    assert quota_of(house, "andes").held["servers"] == raised


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"limit": "gpu.a100"}, LimitUnknown),
        ({"amount": "0"}, AmountInvalid),
        ({"amount": "-3"}, AmountInvalid),
        ({"reason": "  "}, ReasonInvalid),
        ({"reason": "x" * 501}, ReasonInvalid),
        ({"reason": "a\x00b"}, ReasonInvalid),
    ],
)
def test_what_cannot_be_asked_is_told(house, wanted, refusal) -> None:
    with pytest.raises(refusal):
        ask(house, **wanted)
    assert view(house).asks == ()


def test_not_more_is_open_than_anybody_reads(house) -> None:
    for _ in range(MOST_ASKS):
        ask(house)
    with pytest.raises(TooManyAsks):
        ask(house)


def test_what_is_wanted_until_a_day_is_lent_by_another_community(house, clock) -> None:
    until = clock.now() + 48 * HOUR
    with pytest.raises(AskIsDated):
        ask(house, limit="server-time month", amount="5 server-hours", until=until)
    one = ask(house, by="bia", at="brasil", until=until)
    with pytest.raises(AskIsDated):
        answer(house, one, granted=True)
    with pytest.raises(AskElsewhere):
        lend_to(house, to="andes", by="bia", at="brasil", ask=one.id)
    loan = lend_to(house, ask=one.id)
    (found,) = view(house).asks
    assert (found.state, found.answered_for) == (AskState.LENT, "andes")
    assert [one.kind for one in house.call(list_notices, "bia")] == ["ask.answered"]
    house.call(end_loan, OPERATOR, "andes", loan.id)
    assert view(house).rows[0].view.held[0].owned == 10


def test_a_loan_leaves_alone_what_the_lender_has_reserved(house) -> None:
    open_taller(house, seats=8, is_reserved=True, starts_in=2 * HOUR, lasts=HOUR)
    with pytest.raises(LoanTooLarge) as refused:
        lend_to(house)
    assert refused.value.left == 2
    lend_to(house, amount=2)
    with pytest.raises(ReservationTooLarge):
        open_taller(house, seats=1, is_reserved=True, starts_in=2 * HOUR, lasts=HOUR)


def test_what_is_on_loan_can_be_reserved_for_its_hours(house) -> None:
    reserve = {"community": "brasil", "by": "bia", "is_reserved": True, "lasts": HOUR}
    with pytest.raises(ReservationTooLarge):
        open_taller(house, seats=12, starts_in=HOUR, **reserve)
    loan = lend_to(house)
    open_taller(house, seats=12, starts_in=HOUR, **reserve)
    with pytest.raises(ReservationTooLarge):
        open_taller(house, seats=12, starts_in=4 * HOUR, **reserve)
    house.call(end_loan, who(house, "bia"), "brasil", loan.id)
    found = house.call(view_overbooked, who(house, "bia"), "brasil").overbookings
    assert [(one.resource, one.owned, one.reserved) for one in found] == [("servers", 10, 12)]


@pytest.mark.parametrize(
    ("to", "by", "at"), [("brasil", "ana", "andes"), ("andes", "bia", "brasil")]
)
def test_the_most_that_may_be_held_is_reserved_whatever_is_on_loan(house, to, by, at) -> None:
    """Of ten, four are on loan to others, or four of theirs are here: five may be held."""
    lend_to(house, to=to, by=by, at=at)
    with house.database.write() as store:
        limit = store.limits.quota(Scope("andes")).held["servers"]
        store.limits.set_limit(Scope("andes"), "servers", replace(limit, most=5))
    with pytest.raises(ReservationTooLarge) as refused:
        open_taller(house, title="A", seats=12, starts_in=HOUR, lasts=HOUR, is_reserved=True)
    assert refused.value.left == 5
    open_taller(house, title="A", seats=5, starts_in=HOUR, lasts=HOUR, is_reserved=True)
    assert house.call(view_overbooked, who(house, "ana"), "andes").overbookings == ()


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"resource": "memory"}, LoanNotPossible),
        ({"resource": "server-time"}, LoanNotPossible),
        ({"to": "andes"}, NotInCohort),
        ({"to": "costa"}, NotInCohort),
        ({"amount": 11}, LoanTooLarge),
        ({"amount": 0}, AmountInvalid),
    ],
)
def test_what_cannot_be_lent_is_told(house, more, refusal) -> None:
    with pytest.raises(refusal):
        lend_to(house, **more)
    assert view(house).loans == ()


def test_a_loan_that_a_limit_makes_useless_is_refused_until_the_operator_raises_it(house) -> None:
    def limit(most: int) -> None:
        lines = {"servers": most, "servers nominal": 10}
        house.call(set_quota, OPERATOR, "brasil", None, lines)

    limit(10)
    with pytest.raises(LoanUnusable) as refused:
        lend_to(house)
    assert (refused.value.most, refused.value.left) == (10, 0)
    assert view(house).loans == ()
    limit(13)
    with pytest.raises(LoanUnusable) as refused:
        lend_to(house)
    assert refused.value.left == 3
    lend_to(house, amount=3)
    with pytest.raises(LoanUnusable):
        lend_to(house, amount=1)


def test_the_communitys_page_counts_loans_while_they_hold(house, clock) -> None:
    def limits():
        return [
            house.call(view_usage, who(house, name), slug).servers.limit
            for name, slug in (("ana", "andes"), ("bia", "brasil"), ("caro", "costa"))
        ]

    assert limits() == [12, 12, 12]
    loan = lend_to(house, starts_at=clock.now() + HOUR)
    assert limits() == [12, 12, 12], "it has not begun"
    clock.advance(hours=1)
    assert limits() == [8, 16, 12]
    clock.time = loan.ends_at
    assert limits() == [12, 12, 12]


def held_workshop(house, **more):
    opened = open_taller(house, starts_in=-6 * HOUR, profile="medium", **more).workshop
    return opened.slug


def test_a_workshop_that_was_held_is_opened_by_another_community_in_one_step(house, clock) -> None:
    slug = held_workshop(house)
    template = house.call(share_template, who(house, "ana"), "andes", slug)
    bia = who(house, "bia")
    (found,) = house.call(view_templates, bia, "brasil").templates
    assert found == template
    assert not any(part in repr(template) for part in ("ana", "2026-03-01"))
    day = (clock.now() + 24 * HOUR).date()
    with pytest.raises(TemplateProfile) as refused:
        house.call(use_template, bia, "brasil", found.id, TemplateChoice(day))
    assert refused.value.profile["es"] == "Mediano"
    choice = TemplateChoice(day, zone="America/Sao_Paulo", title="Oficina", profile="small")
    opened = house.call(use_template, bia, "brasil", found.id, choice).workshop
    (session,) = opened.sessions
    assert (opened.community, opened.language, opened.seats) == ("brasil", "es", 10)
    # From 1:00 to 4:00 by the clocks of Lima, and now by those of São Paulo.
    assert session.starts_at.isoformat() == f"{day}T04:00:00+00:00"
    assert session.ends_at - session.starts_at == 3 * HOUR
    with pytest.raises(NotFound):
        house.call(unshare_template, bia, "brasil", found.id)
    house.call(unshare_template, who(house, "ana"), "andes", found.id)
    with pytest.raises(NotFound):
        house.call(use_template, bia, "brasil", found.id, choice)


def test_only_what_was_held_is_shared_and_once(house) -> None:
    ana = who(house, "ana")
    planned = open_taller(house, title="Pronto", starts_in=HOUR).workshop.slug
    with pytest.raises(WorkshopNotOver):
        house.call(share_template, ana, "andes", planned)
    house.call(close_workshop, ana, "andes", planned)
    house.call(share_template, ana, "andes", planned)
    with pytest.raises(TemplateShared):
        house.call(share_template, ana, "andes", planned)
    assert house.call(view_templates, ana, "andes").held == ()
    with pytest.raises(NotInCohort):
        house.call(view_templates, who(house, "caro"), "costa")
