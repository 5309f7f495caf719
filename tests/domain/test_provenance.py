"""Rules from the identity provider's claims to places and roles."""

from __future__ import annotations

import pytest
from houses import NOON

from jupyterhub_communities.domain.grants import Grant, Role, Source
from jupyterhub_communities.domain.provenance import (
    Match,
    Place,
    Rule,
    Wanted,
    claim_values,
    to_add,
    to_end,
    wanted_places,
)

ANDES = Place("andes", None, Role.LEARNER)


def rule(match, value, claim="groups", **place):
    return Rule(claim, Match(match), value, place.pop("community", "andes"), **place)


@pytest.mark.parametrize(
    ("match", "value", "groups", "is_in"),
    [
        ("equals", "andes", ["andes"], True),
        ("equals", "andes", ["Andes"], False),
        ("equals", "andes", ["andes-2"], False),
        ("equals", "/research/peru", ["/research/peru"], True),
        ("equals", "/research/peru", ["/research/peru/team"], False),  # a path is one text
        ("equals", "/research/peru", ["peru"], False),
        ("prefix", "/research/peru/", ["/research/peru/team"], True),
        ("prefix", "/research/peru/", ["/research/peruvian"], False),
        ("prefix", "/research/", ["/teaching/research/"], False),
        ("pattern", "/research/[a-z]+", ["/research/peru"], True),
        ("pattern", "/research/[a-z]+", ["/research/peru/team"], False),  # the whole value
        ("pattern", "a|b", ["b"], True),
        ("equals", "andes", [], False),
        ("equals", "andes", "andes", True),  # some providers give one text
        ("equals", "andes", [1, None, {"name": "andes"}, "andes"], True),
    ],
)
def test_values_are_compared_whole(match, value, groups, is_in) -> None:
    wanted = wanted_places([rule(match, value)], {"groups": groups})
    assert wanted.places == ({ANDES} if is_in else set())
    assert not wanted.missing_claims


@pytest.mark.parametrize(
    ("claims", "claim", "values"),
    [
        ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
        ({"https://id.example/claims/groups": ["a"]}, "https://id.example/claims/groups", {"a"}),
        ({"realm_access": ["roles"]}, "realm_access.roles", None),
        ({}, "groups", None),
        ({"groups": None}, "groups", None),
        ({"groups": 7}, "groups", None),
        ({"groups": {"a": 1}}, "groups", None),
    ],
)
def test_a_claim_is_found_by_its_key_or_its_path(claims, claim, values) -> None:
    assert claim_values(claims, claim) == values


def test_a_missing_claim_leaves_its_grants_and_no_others() -> None:
    rules = [rule("equals", "a"), rule("equals", "x", claim="teams", community="selva")]
    wanted = wanted_places(rules, {"teams": []})
    assert wanted == Wanted(frozenset(), frozenset({ANDES}), frozenset({"groups"}))
    held = [grant("andes"), grant("selva")]
    assert [ended.community for ended in to_end(held, wanted)] == ["selva"]
    strict = wanted_places(rules, {"teams": []}, keep_when_missing=False)
    assert [ended.community for ended in to_end(held, strict)] == ["andes", "selva"]


def test_only_what_upstream_gave_can_upstream_take() -> None:
    held = [grant("andes", source) for source in Source]
    ended = to_end(held, Wanted())
    assert [grant.source for grant in ended] == [Source.IDP]


def test_a_role_that_changed_ends_and_begins() -> None:
    helper = Place("andes", None, Role.HELPER)
    held = [grant("andes"), grant("andes", Source.INVITE, Role.HELPER)]
    wanted = Wanted(frozenset({helper}))
    assert [ended.role for ended in to_end(held, wanted)] == [Role.LEARNER]
    assert to_add(held, wanted) == {helper}


def grant(community, source=Source.IDP, role=Role.LEARNER):
    return Grant(
        id=f"{community}-{source}",
        account_id="a",
        role=role,
        community=community,
        workshop=None,
        source=source,
        made_by=None,
        starts_at=NOON,
    )
