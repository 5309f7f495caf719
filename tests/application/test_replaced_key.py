"""The package's key was lost, and another one made over the same database."""

import pytest
from houses import actor_of, make_house, open_taller

from jupyterhub_communities.application import invites, issuing, return_keys, workshops
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.domain.refusals import InviteUnknown, InviteUnreadable
from jupyterhub_communities.storage.keyring import FileKeyring


def test_old_codes_are_dead_and_everything_goes_on_with_new_ones(tmp_path) -> None:
    house = make_house(tmp_path)
    opened = open_taller(house)
    join = JoinRequest(opened.learner_invite.code, "a", "Ana")
    account = house.call(invites.redeem_invite, join).account
    old_key = house.call(return_keys.show_return_key, account.id)
    house.keys = FileKeyring(b"n" * 32)
    ana, slug = actor_of(house, "ana"), opened.workshop.slug

    assert house.call(workshops.view_workshop, ana, "andes", slug).learner_invite is None
    with pytest.raises(InviteUnreadable):
        house.call(issuing.show_invite, ana, "andes", opened.learner_invite.invite.id)
    with pytest.raises(InviteUnknown):
        house.call(invites.look_up_invite, opened.learner_invite.code)
    renewed = house.call(workshops.renew_code, ana, "andes", slug)
    assert house.call(invites.look_up_invite, renewed.code).invite.workshop == slug
    new_key = house.call(return_keys.show_return_key, account.id)
    assert new_key != old_key
    assert house.call(return_keys.find_person_by_key, new_key).account.id == account.id
    house.close()
