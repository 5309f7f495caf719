"""Asking for more: with a reason that the cohort reads, and answered where it reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ..domain.asks import MOST_ASKS, Ask, AskState, askable, read_reason
from ..domain.grants import Actor, Verb
from ..domain.limits import Limit, Quota, Spending
from ..domain.loans import read_window
from ..domain.notices import ASK_ANSWERED
from ..domain.quotas import Scope
from ..domain.refusals import (
    AmountInvalid,
    AskAnswered,
    AskInFile,
    AskIsDated,
    LimitUnknown,
    NotFound,
    TooManyAsks,
)
from ..domain.units import MOST, example_of, is_spent, read_amount, write_amount
from ..domain.versions import Expected, check_version
from ..domain.windows import write_window
from .audit import record
from .cohorts import find_own_cohort, members_for, tell_champions
from .communities import is_named
from .dividing import write_quota
from .ending import require_operator
from .ports import Desk, Store

GRANT = "share:grant"
DECLINE = "share:decline"
WITHDRAW = "share:withdraw"


@dataclass(frozen=True, slots=True)
class NewAsk:
    limit: str  # its name; see `askable`
    amount: object  # more, as it is typed or as a number
    reason: str
    until: datetime | None = None  # None: lasting


def ask_for_more(desk: Desk, actor: Actor, community: str, wanted: NewAsk) -> Ask:
    """What is wanted until a day is lent by another community: so it is something that is held."""
    with desk.database.write() as store:
        find_own_cohort(store, actor, community, Verb.ASK_FOR_MORE)
        name = " ".join(wanted.limit.split())
        known = askable(store.limits.quota(Scope(community)))
        if name.endswith(" month"):
            name = f"{name} {desk.settings.zone}"  # as on the page of limits
        if name not in known:
            raise LimitUnknown(name=name[:60])
        resource = name.partition(" ")[0]
        until = wanted.until
        if until is not None:
            if is_spent(resource):
                raise AskIsDated
            _, until = read_window(None, until, desk.now)
        if store.asks.count_open(community) >= MOST_ASKS:
            raise TooManyAsks(most=MOST_ASKS)
        ask = Ask(
            id=desk.chance.identifier(),
            community=community,
            limit=name,
            amount=positive_amount(resource, wanted.amount),
            had=known[name],
            reason=read_reason(wanted.reason),
            until=until,
            asked_by=actor.account_id,
            asked_at=desk.now,
        )
        store.asks.add(ask)
        after = {name: write_amount(resource, ask.amount), "until": _text(until)}
        _audit(desk, store, actor, Verb.ASK_FOR_MORE, ask, after)
        return ask


def view_ask(desk: Desk, actor: Actor, cohort: str, ask_id: str) -> Ask:
    with desk.database.read() as store:
        return find_ask(store, actor, cohort, ask_id)


def withdraw_ask(desk: Desk, actor: Actor, community: str, ask_id: str) -> None:
    with desk.database.write() as store:
        find_own_cohort(store, actor, community, Verb.ASK_FOR_MORE)
        ask = store.asks.get(ask_id)
        if ask is None or ask.community != community:
            raise NotFound(kind="ask")
        end_ask(desk, store, ask, AskState.WITHDRAWN)
        _audit(desk, store, actor, WITHDRAW, ask, {})


def answer_ask(
    desk: Desk,
    actor: Actor,
    cohort: str,
    ask_id: str,
    answer: str,
    *,
    is_granted: bool,
    expected: Expected = None,
) -> Ask:
    """The operator's answer. Granted, the limit is higher from this transaction on; where the file
    says it, it has been raised there before."""
    require_operator(actor)
    with desk.database.write() as store:
        ask = find_ask(store, actor, cohort, ask_id)
        check_version(ask.version, expected)
        text = read_reason(answer, may_be_empty=is_granted) or None
        state = AskState.GRANTED if is_granted else AskState.DECLINED
        if is_granted:
            _raise_limit(desk, store, actor, ask)
        answered = end_ask(desk, store, ask, state, answer=text)
        action = GRANT if is_granted else DECLINE
        _audit(desk, store, actor, action, ask, {} if text is None else {"because": text})
        told = {"community": ask.community, "state": state.value}
        tell_champions(desk, store, actor, ask.community, ASK_ANSWERED, **told)
        return answered


def open_asks(desk: Desk, actor: Actor) -> Mapping[str, int]:
    """How many wait for an answer in each cohort, for the operator."""
    require_operator(actor)
    with desk.database.read() as store:
        found: dict[str, int] = {}
        counts = store.asks.open_by_community()
        if counts:
            for community in store.communities.all():
                if community.cohort is not None and community.slug in counts:
                    number = found.get(community.cohort, 0) + counts[community.slug]
                    found[community.cohort] = number
        return found


def find_ask(store: Store, actor: Actor, cohort: str, ask_id: str) -> Ask:
    members = {one.slug for one in members_for(store, actor, cohort)}
    ask = store.asks.get(ask_id)
    if ask is None or ask.community not in members:
        raise NotFound(kind="ask")
    return ask


def end_ask(
    desk: Desk,
    store: Store,
    ask: Ask,
    state: AskState,
    *,
    answer: str | None = None,
    answered_for: str | None = None,
) -> Ask:
    """In the caller's transaction. Raises `AskAnswered` where somebody was first."""
    ended = replace(
        ask, state=state, answer=answer, answered_for=answered_for, answered_at=desk.now
    )
    if not store.asks.answer(ended):
        raise AskAnswered
    return ended


def positive_amount(resource: str, value: object) -> int:
    """Raises `AmountInvalid`."""
    try:
        amount = read_amount(resource, value)
    except ValueError as error:
        raise AmountInvalid(example=example_of(resource)) from error
    if amount <= 0:
        raise AmountInvalid(example=example_of(resource))
    return amount


def _raise_limit(desk: Desk, store: Store, actor: Actor, ask: Ask) -> None:
    if ask.until is not None:
        raise AskIsDated
    scope = Scope(ask.community)
    before = store.limits.quota(scope)
    wanted = raised(before, ask)
    if is_named(desk, ask.community):
        due = ask.had + ask.amount
        if askable(before)[ask.limit] >= due:
            return  # it was raised there since it was asked
        raise AskInFile(name=_line(before, ask), value=write_amount(ask.resource, due))
    write_quota(desk, store, actor, scope, before, wanted)


def _line(quota: Quota, ask: Ask) -> str:
    """What the file calls the limit."""
    held = quota.held.get(ask.resource)
    return ask.limit if held is None or held.share is None else f"{ask.limit} nominal"


def raised(quota: Quota, ask: Ask) -> Quota:
    """The limits with what was asked for. Raises `LimitUnknown` where there is no such limit any
    more, and `AmountInvalid` for more than can be counted."""
    known = askable(quota)
    if ask.limit not in known:
        raise LimitUnknown(name=ask.limit)
    if known[ask.limit] + ask.amount > MOST:
        raise AmountInvalid(example=example_of(ask.resource))
    if not is_spent(ask.resource):
        limit = _more(quota.held[ask.resource], ask.amount)
        return replace(quota, held={**quota.held, ask.resource: limit})
    return replace(quota, spent=tuple(_spending(one, ask) for one in quota.spent))


def _more(limit: Limit, amount: int) -> Limit:
    """Of what is owned; and of the most, which would else be in the way."""
    share = limit.share
    return replace(
        limit,
        most=None if limit.most is None else limit.most + amount,
        share=None if share is None else replace(share, nominal=share.nominal + amount),
    )


def _spending(one: Spending, ask: Ask) -> Spending:
    name = f"{one.resource} {write_window(one.allowance.window)}"
    if one.is_each or name != ask.limit:
        return one
    allowance = replace(one.allowance, limit=one.allowance.limit + ask.amount)
    return replace(one, allowance=allowance)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _audit(
    desk: Desk, store: Store, actor: Actor, action: str, ask: Ask, after: Mapping[str, object]
) -> None:
    record(desk, store, actor, action, f"ask/{ask.id}", ask.community, after=after)
