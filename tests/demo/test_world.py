"""The demo's world: made once, found again, whatever its champions did meanwhile."""

from __future__ import annotations

from houses import actor_of, andes, make_house

from jupyterhub_communities.application.invites import look_up_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.workshops import close_workshop, renew_code
from jupyterhub_communities.demo_world import make_world
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.invites import InviteKind

DECLARED = (
    andes(champions=("valentina",)),
    andes(slug="cerrado", champions=("thiago",)),
    andes(slug="bonde", champions=("wanjiru",)),
    andes(slug="sahel", champions=("awa",)),
    andes(slug="nilein", champions=("hadil",)),
)


def test_what_champions_did_meanwhile_is_kept_and_every_code_still_works(tmp_path) -> None:
    house = make_house(tmp_path, communities=DECLARED)
    facts: dict = {}
    before = make_world(house, facts, DECLARED)
    assert make_world(house, facts, DECLARED) == before

    champion, slug = actor_of(house, "valentina"), "primeros-pasos-con-python"
    renewed = house.call(renew_code, champion, "andes", slug)
    for more in ({"workshop": slug}, {"kind": InviteKind.PERSONAL}, {"seats": 2}):
        house.call(issue_invite, champion, "andes", NewInvite(role=Role.INSTRUCTOR, **more))
    house.call(close_workshop, actor_of(house, "thiago"), "cerrado", "primeiros-passos-com-python")

    after = make_world(house, facts, DECLARED)
    codes = [invite.code for invite in after.invites]
    assert renewed.code in codes
    changed = {("andes", slug), ("cerrado", "primeiros-passos-com-python")}
    kept = {i.code for i in before.invites if (i.community, i.workshop) not in changed}
    assert kept <= set(codes)
    for invite in after.invites:
        offer = house.call(look_up_invite, invite.code)
        assert (offer.invite.community, offer.invite.workshop) == (
            invite.community,
            invite.workshop,
        )
    house.close()
