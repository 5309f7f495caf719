"""What a community says of itself, and what only the operator does with communities."""

from __future__ import annotations

import pytest
from houses import actor_of, andes, make_house, most_servers
from newcomers import joined

from jupyterhub_communities.application import communities, members, operating
from jupyterhub_communities.application.community_settings import (
    CommunityChange,
    change_community,
)
from jupyterhub_communities.application.ending import block_person, resume_community
from jupyterhub_communities.application.operating import NewCommunity
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.paging import Page
from jupyterhub_communities.domain.refusals import (
    CommunityNamesInvalid,
    CommunitySlugInvalid,
    ContactInvalid,
    Declared,
    GroupTaken,
    LastChampion,
    PermissionDenied,
    RetentionInvalid,
    SlugTaken,
    VersionOutdated,
)

OPERATOR = Actor(account_id=None, is_operator=True)
COSTA = NewCommunity("costa", {"es": " La  Costa "}, "es", ("mar",), contact="hola@costa.example")


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path)
    house.call(operating.create_community, OPERATOR, COSTA)
    yield house
    house.close()


def test_a_community_is_founded_with_its_champion(house) -> None:
    mar = actor_of(house, "mar")
    assert mar.role_at("costa") is Role.CHAMPION
    found = house.call(communities.view_community, mar, "costa")
    assert (dict(found.names), found.declared) == ({"es": "La Costa"}, False)
    house.call(communities.apply_declarations, (andes(servers=9),), most_servers(None))
    assert actor_of(house, "mar").role_at("costa") is Role.CHAMPION, "the file leaves it alone"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"slug": "andes"}, SlugTaken),
        ({"slug": "costa"}, SlugTaken),
        ({"slug": "La Costa"}, CommunitySlugInvalid),
        ({"slug": "sierra", "names": {"es": " "}}, CommunityNamesInvalid),
        ({"slug": "sierra", "names": {"es": "x" * 101}}, CommunityNamesInvalid),
        ({"slug": "sierra", "contact": "x" * 301}, ContactInvalid),
        ({"slug": "sierra", "champions": ()}, LastChampion),
    ],
)
def test_what_cannot_be_founded_is_refused_and_leaves_nothing(house, change, refusal) -> None:
    fields = {"slug": "x", "names": {"es": "X"}, "language": "es", "champions": ("mar",)}
    with pytest.raises(refusal):
        house.call(operating.create_community, OPERATOR, NewCommunity(**{**fields, **change}))
    with house.database.read() as store:
        assert [one.slug for one in store.communities.all()] == ["andes", "costa"]


def test_a_slug_whose_group_the_hub_has_is_refused(house) -> None:
    wanted = NewCommunity("sierra", {"es": "Sierra"}, "es", ("mar",))
    with pytest.raises(GroupTaken) as refused:
        house.call(operating.create_community, OPERATOR, wanted, has_group=True)
    assert refused.value.name == "community-sierra"


def test_its_champion_changes_the_settings(house) -> None:
    mar = actor_of(house, "mar")
    change = CommunityChange(
        names={"es": "Costa", "en": "Coast", "fr": ""}, contact=None, retention_days=90
    )
    changed = house.call(change_community, mar, "costa", change)
    assert dict(changed.names) == {"es": "Costa", "en": "Coast"}
    assert (changed.contact, changed.retention_days, changed.language) == (None, 90, "es")
    with house.database.read() as store:
        entry = store.audit.of_community("costa")[0]
    assert (entry.action, entry.after["retention_days"]) == ("community:change", 90)
    assert "hola@costa.example" not in repr(entry), "a contact is somebody's address"


def test_of_two_champions_the_second_is_told_and_nothing_is_lost(house) -> None:
    mar = actor_of(house, "mar")
    seen = {house.call(communities.view_community, mar, "costa").version}
    first = CommunityChange(language="fr")
    house.call(change_community, mar, "costa", first, expected=seen)
    with pytest.raises(VersionOutdated):
        house.call(change_community, mar, "costa", CommunityChange(language="en"), expected=seen)
    house.call(change_community, mar, "costa", first, expected=seen)  # to the same: nothing to do
    assert house.call(communities.view_community, mar, "costa").language == "fr"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"names": {}}, CommunityNamesInvalid),
        ({"names": {"es": "a\u202eb"}}, CommunityNamesInvalid),
        ({"contact": "a\x00b"}, ContactInvalid),
        ({"retention_days": 0}, RetentionInvalid),
        ({"retention_days": 3661}, RetentionInvalid),
    ],
)
def test_settings_that_make_no_sense_are_refused(house, change, refusal) -> None:
    with pytest.raises(refusal):
        house.call(change_community, actor_of(house, "mar"), "costa", CommunityChange(**change))


def test_what_the_file_says_is_read_only_and_what_it_cannot_say_is_not(house) -> None:
    ana = actor_of(house, "ana")
    with pytest.raises(Declared):
        house.call(change_community, ana, "andes", CommunityChange(language="fr"))
    house.call(change_community, ana, "andes", CommunityChange(shows_people=True))
    again = house.call(communities.apply_declarations, (andes(),), most_servers(None), dry_run=True)
    assert again == [], "applying the file has nothing to say about it"
    house.call(communities.apply_declarations, (andes(servers=7),), most_servers(None))
    assert house.call(communities.view_community, ana, "andes").shows_people


def test_members_see_each_other_only_where_their_community_says_so(house) -> None:
    luz = actor_of(house, joined(house))
    with pytest.raises(PermissionDenied):
        house.call(members.page_of_members, luz, "andes", Page())
    ana = actor_of(house, "ana")
    house.call(change_community, ana, "andes", CommunityChange(shows_people=True))
    found = house.call(members.page_of_members, luz, "andes", Page()).entries
    assert found[0].account.username == "ana"
    with pytest.raises(PermissionDenied):
        house.call(members.set_role, luz, "andes", "ana", Role.LEARNER)


def test_people_are_found_by_a_part_of_name_or_username(house) -> None:
    ines = joined(house, name="Inés María")
    joined(house, name="100% Luz")
    ana = actor_of(house, "ana")

    def found(sought):
        part = house.call(members.page_of_members, ana, "andes", Page(), sought)
        return [one.account.display_name for one in part.entries]

    assert found("mar") == ["Inés María"], "and nobody of another community"
    assert found("INÉS  maría") == found(ines[-5:].upper()) == ["Inés María"]
    assert found("%") == ["100% Luz"], "what is typed is no pattern"
    assert found("_") == []


def test_where_nobody_acts_the_operator_appoints(house) -> None:
    def missing():
        view = house.call(operating.view_hub, OPERATOR)
        return [row.community.slug for row in operating.champions_missing(view.rows)]

    assert missing() == []
    house.call(block_person, OPERATOR, "mar")
    assert missing() == ["costa"]
    assert house.call(operating.appoint_champion, OPERATOR, "costa", "rio").role is Role.CHAMPION
    assert missing() == []
    assert actor_of(house, "rio").role_at("costa") is Role.CHAMPION


def test_an_archived_community_opens_nothing_and_can_be_resumed(house) -> None:
    with pytest.raises(Declared):
        house.call(operating.archive_community, OPERATOR, "andes")
    assert house.call(operating.archive_community, OPERATOR, "costa").archived_at is not None
    assert actor_of(house, "mar").role_at("costa") is None
    rows = house.call(operating.view_hub, OPERATOR).rows
    assert [row.community.slug for row in rows] == ["andes", "costa"]
    assert rows[1].community.archived_at is not None
    resumed = house.call(resume_community, OPERATOR, "costa")
    assert (resumed.suspended_at, resumed.archived_at) == (None, None)
    assert actor_of(house, "mar").role_at("costa") is Role.CHAMPION


def test_all_of_it_is_the_operators_alone(house) -> None:
    ana = actor_of(house, "ana")
    wanted = NewCommunity("sierra", {"es": "Sierra"}, "es", ("ana",))
    for verb, more in (
        (operating.view_hub, ()),
        (operating.view_one, ("andes",)),
        (operating.create_community, (wanted,)),
        (operating.archive_community, ("andes",)),
        (operating.appoint_champion, ("andes", "ana")),
    ):
        with pytest.raises(PermissionDenied) as refused:
            house.call(verb, ana, *more)
        assert refused.value.needs == "operator"


def test_a_timer_that_stands_still_is_said_to_be_late(house) -> None:
    def late():
        return {one.name for one in house.call(operating.view_hub, OPERATOR).timers if one.is_late}

    with house.database.write() as store:
        store.marks.set("ends", house.clock.now())
    assert late() == set()
    house.clock.advance(minutes=6)
    assert late() == {"ends"}
    house.clock.advance(hours=1)
    assert late() == {"ends", "audit"}, "nobody has chained what was written"
