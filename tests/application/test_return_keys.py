"""Return keys: shown until kept, and never lost in between."""

import pytest
from houses import open_taller

from jupyterhub_communities.application import invites, return_keys
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.domain.refusals import KeyMistyped, KeyUnknown


@pytest.fixture
def account(house):
    code = open_taller(house).learner_invite.code
    return house.call(invites.redeem_invite, JoinRequest(code, "attempt", "María")).account


def test_the_same_key_is_shown_until_it_is_confirmed_and_then_never_again(house, account) -> None:
    first = house.call(return_keys.show_return_key, account.id)
    assert house.call(return_keys.show_return_key, account.id) == first
    house.call(return_keys.confirm_return_key, account.id)
    assert house.call(return_keys.show_return_key, account.id) is None
    assert house.call(return_keys.find_person_by_key, first).account.id == account.id


def test_confirming_twice_changes_nothing(house, account) -> None:
    key = house.call(return_keys.show_return_key, account.id)
    house.call(return_keys.confirm_return_key, account.id)
    house.call(return_keys.confirm_return_key, account.id)
    assert house.call(return_keys.find_person_by_key, key).account.id == account.id


def test_signing_in_with_a_key_that_waits_keeps_it(house, account) -> None:
    key = house.call(return_keys.show_return_key, account.id)
    house.call(return_keys.use_return_key, key)
    assert house.call(return_keys.show_return_key, account.id) is None


@pytest.mark.parametrize("typed", ["", "abc", "0000-0000-0000-0001", "é" * 50])
def test_a_mistyped_key_is_noticed(house, typed) -> None:
    with pytest.raises(KeyMistyped):
        house.call(return_keys.find_person_by_key, typed)


def test_an_unknown_key_is_refused(house) -> None:
    with pytest.raises(KeyUnknown):
        house.call(return_keys.find_person_by_key, "0000-0000-0000-0000")
