"""Who may start which profile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jupyterhub_communities.domain.grants import Actor, Grant, Role, Source
from jupyterhub_communities.domain.profiles import Catalogue, Profile
from jupyterhub_communities.domain.refusals import ProfileNotOffered, ProfileUnknown

NAMES = {"en": "Name"}
OPEN = Profile(slug="open", names=NAMES)
ANDES = Profile(slug="andes", names=NAMES, communities=frozenset({"andes"}))
STAFF = Profile(slug="staff", names=NAMES, roles=frozenset({Role.INSTRUCTOR}))
HELPERS = Profile(slug="helpers", names=NAMES, roles=frozenset({Role.HELPER, Role.CHAMPION}))
MAPS = Profile(slug="maps", names=NAMES, workshops=frozenset({"andes/mapas"}))
MAPS_STAFF = Profile(
    slug="maps-staff",
    names=NAMES,
    workshops=frozenset({"andes/mapas"}),
    roles=frozenset({Role.INSTRUCTOR}),
)
CATALOGUE = Catalogue((OPEN, ANDES, STAFF, HELPERS, MAPS, MAPS_STAFF))


def someone(role: Role, community: str = "andes", workshop: str | None = None) -> Actor:
    grant = Grant(
        id="g",
        account_id="a",
        role=role,
        community=community,
        workshop=workshop,
        source=Source.INVITE,
        made_by=None,
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Actor("a", (grant,))


@pytest.mark.parametrize(
    ("actor", "community", "workshop", "offered"),
    [
        (someone(Role.LEARNER), "andes", None, "open andes"),
        (someone(Role.LEARNER, "cerrado"), "cerrado", None, "open"),
        (someone(Role.INSTRUCTOR), "andes", None, "open andes staff helpers"),
        (someone(Role.CHAMPION), "andes", None, "open andes staff helpers"),
        (someone(Role.LEARNER), "andes", "mapas", "open andes maps"),
        (someone(Role.LEARNER, workshop="mapas"), "andes", "mapas", "open andes maps"),
        (someone(Role.LEARNER, workshop="mapas"), "andes", "otro", "open andes"),
        (someone(Role.HELPER, workshop="mapas"), "andes", "mapas", "open andes helpers maps"),
        (someone(Role.HELPER, workshop="mapas"), "andes", "otro", "open andes"),
        (
            someone(Role.INSTRUCTOR),
            "andes",
            "mapas",
            "open andes staff helpers maps maps-staff",
        ),
        # A workshop of the same name in another community is another workshop.
        (someone(Role.INSTRUCTOR, "cerrado"), "cerrado", "mapas", "open staff helpers"),
        # People of no community are learners of nothing.
        (Actor("a"), None, None, "open"),
    ],
)
def test_what_is_offered_by_community_role_and_workshop(
    actor, community, workshop, offered
) -> None:
    found = CATALOGUE.offered(actor, community, workshop)
    assert [profile.slug for profile in found] == offered.split()


@pytest.mark.parametrize(
    ("slug", "preferred", "chosen"),
    [
        (None, None, "open"),
        (None, "andes", "andes"),
        (None, "staff", "open"),  # the workshop's profile, where it is offered
        (None, "gone", "open"),
        ("andes", "open", "andes"),
        ("staff", None, ProfileNotOffered),
        ("maps", None, ProfileNotOffered),
        ("gone", None, ProfileUnknown),
    ],
)
def test_what_a_server_starts_with(slug, preferred, chosen) -> None:
    def choose():
        return CATALOGUE.choose(slug, someone(Role.LEARNER), "andes", None, preferred=preferred)

    if isinstance(chosen, str):
        profile = choose()
        assert profile is not None
        assert profile.slug == chosen
    else:
        with pytest.raises(chosen):
            choose()
