"""Scopes: what is charged at once, in which order, and under which name it is kept."""

from __future__ import annotations

import pytest

from jupyterhub_communities.domain.quotas import HUB, Claim, Scope, largest

ANDES, MAPS = Scope("andes"), Scope("andes", "maps")
SOUTH = Scope(cohort="south")


@pytest.mark.parametrize(
    ("scope", "cohort", "kinds"),
    [
        (HUB, None, "hub"),
        (Scope(member="a1"), None, "hub member"),
        (ANDES, None, "hub community"),
        (ANDES, "south", "hub cohort community"),
        (MAPS, "south", "hub cohort community workshop"),
        (Scope("andes", "maps", "a1"), None, "hub community workshop member"),
        (Scope("andes", member="a1"), None, "hub community member"),
    ],
)
def test_a_scope_is_charged_with_all_above_it_from_the_hub_down(scope, cohort, kinds) -> None:
    path = scope.path(cohort)
    assert " ".join(level.kind for level in path) == kinds
    assert path[-1] == scope


def test_no_two_scopes_are_kept_under_one_name() -> None:
    scopes = [
        HUB,
        SOUTH,
        Scope("south"),
        MAPS,
        Scope("andes", member="maps"),
        Scope(member="andes"),
    ]
    scopes += [ANDES, Scope("andes", "maps", "maps")]
    keys = [scope.key for scope in scopes]
    assert len(set(keys)) == len(keys)
    assert MAPS.key == "hub/andes/maps", "as it is in databases that are there already"


def test_a_workshop_without_a_community_would_be_kept_under_a_communitys_name() -> None:
    with pytest.raises(ValueError, match="community"):
        Scope(None, "andes")


@pytest.mark.parametrize(
    ("used", "asked", "closed", "fits"),
    [(0, 10, 0, True), (1, 10, 0, False), (0, 6, 4, True), (0, 6, 5, False), (99, 0, 0, True)],
)
def test_a_claim_fits_within_what_is_neither_used_nor_closed(used, asked, closed, fits) -> None:
    assert Claim(ANDES, "cpu", 10, used, asked, closed).fits is fits


def test_of_two_servers_the_one_with_more_gpus_then_memory_is_larger() -> None:
    sizes = {
        "small": {"memory": 1, "cpu": 9},
        "plain": {"memory": 2, "cpu": 1},
        "fast": {"memory": 2, "cpu": 2},
        "gpu": {"memory": 1, "gpu.t4": 1},
    }
    assert largest(sizes, sizes) == "gpu"
    assert largest(sizes, ["small", "plain", "fast"]) == "fast"
    assert largest(sizes, []) is None
