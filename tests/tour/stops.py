"""One list of all pages that people meet on the demo's hub."""

from __future__ import annotations

from functools import partial

from .visits import Stop, speak, stop
from .world import LEARNER, lose_key

DEMO_STOPS: list[Stop] = []
on_the_demo = partial(stop, on=DEMO_STOPS)


# Nobody has signed in yet


@on_the_demo("stranger")
async def login(at):
    await at.open("/hub/login")


@on_the_demo("stranger")
async def a_mistyped_key(at):
    await at.open("/hub/login")
    await at.send("#return_key", return_key="ABCD-EFGH-JKMN-PQRS")


@on_the_demo("stranger")
async def a_code_to_type(at):
    await at.open("/hub/join?code=")


@on_the_demo("stranger")
async def a_mistyped_code(at):
    await at.open("/hub/join?code=")
    await at.send("#code", code="ABCD-EFGH-JKMN")


@on_the_demo("stranger")
async def a_revoked_code(at):
    await at.open(f"/hub/join?code={at.world.links['revoked']}")


@on_the_demo("stranger")
async def a_code_that_is_not_open_yet(at):
    await at.open(f"/hub/join?code={at.world.links['not open']}")


@on_the_demo("stranger")
async def a_paused_code(at):
    await at.open(f"/hub/join?code={at.world.links['paused']}")


@on_the_demo("stranger")
async def join(at):
    await at.open(f"/hub/join?code={at.world.links['learner']}")


@on_the_demo("stranger")
async def join_a_community(at):
    await at.open(f"/hub/join?code={at.world.links['community']}")


@on_the_demo("stranger")
async def join_without_a_name(at):
    await at.open(f"/hub/join?code={at.world.links['learner']}")
    await at.send("#name", action="join", name=" ")


@on_the_demo("stranger")
async def join_with_a_name_that_is_in_already(at):
    await at.open(f"/hub/join?code={at.world.links['learner']}")
    await at.send("#name", action="join", name=LEARNER)


@on_the_demo("stranger")
async def all_seats_taken(at):
    await at.open(f"/hub/join?code={at.world.links['full']}")


@on_the_demo("stranger")
async def wait_without_a_name(at):
    await at.open(f"/hub/join?code={at.world.links['full']}")
    await at.send("#name", action="wait", name=" ")


@on_the_demo("stranger")
async def a_lost_key(at):
    await at.open("/hub/lost-key")


@on_the_demo("stranger")
async def no_such_page_of_the_hub(at):
    await at.open("/hub/nothing-here")


@on_the_demo("in line")
async def waiting_for_a_seat(at):
    await at.open("/hub/join")


@on_the_demo("asking")
async def waiting_to_be_let_in(at):
    await at.open("/hub/join")


@on_the_demo("offered")
async def a_seat_to_take(at):
    await at.open("/hub/join")


@on_the_demo("lost")
async def a_number_to_tell(at):
    await at.open("/hub/lost-key")


@on_the_demo("found")
async def a_key_that_is_approved(at):
    await at.open("/hub/lost-key")


@on_the_demo("returned")
async def welcome_with_a_new_key(at):
    await at.open("/hub/welcome")


@on_the_demo("returned")
async def home_with_a_notice(at):
    await at.open("/hub/home")


@on_the_demo("returned")
async def my_communities_with_a_notice(at):
    await at.service()


# Learners


@on_the_demo("newcomer")
async def welcome(at):
    await at.open("/hub/welcome")


@on_the_demo("newcomer")
async def not_running(at):
    await at.open(f"/hub/user/{at.world.facts['newcomer']}/")


@on_the_demo("graduate")
async def asked_at_home(at):
    await at.service()


@on_the_demo("graduate")
async def questions(at):
    await at.service(f"communities/andes/workshops/{at.world.facts['over']}/questions")


@on_the_demo("graduate")
async def questions_with_errors(at):
    await at.service(f"communities/andes/workshops/{at.world.facts['over']}/questions")
    await at.send("#missing", missing="0" * 501)


@on_the_demo("learner")
async def home(at):
    await at.open("/hub/home")


@on_the_demo("learner")
async def join_another_as_oneself(at):
    await at.open(f"/hub/join?code={at.world.links['by hand']}")


@on_the_demo("learner")
async def a_code_of_somebody_else(at):
    await at.open(f"/hub/join?code={at.world.links['personal']}")


@on_the_demo("learner")
async def spawn_form(at):
    await at.open("/hub/spawn")


@on_the_demo("learner")
async def spawn_form_with_an_error(at):
    """A refusal that takes the Hub more than a second is shown elsewhere: the stop `did not start`."""
    for _ in range(10):
        await at.open("/hub/spawn")
        if await at.page.locator("#spawn_form").count():
            await at.send("#spawn_form", start_on="andes//nothing")
        if await at.page.locator(".spawn-error-msg").count():
            return
        await at.page.wait_for_timeout(1000)
    raise AssertionError("the Hub is too slow to refuse a form at once")


@on_the_demo("learner")
async def no_longer_in_line(at):
    await at.open(f"/hub/communities/line/{at.world.facts['learner']}")


@on_the_demo("learner")
async def tokens(at):
    await at.open("/hub/token")


@on_the_demo("learner")
async def not_for_learners(at):
    await at.open("/hub/admin")


@on_the_demo("learner")
async def my_communities(at):
    await at.service()


@on_the_demo("learner")
async def my_data(at):
    await at.service("me")


@on_the_demo("learner")
async def my_data_with_another_name(at):
    await at.service("me")
    await at.send("#username", action="erase", username="somebody-else")


@on_the_demo("learner")
async def another_key(at):
    await at.open("/hub/key")


@on_the_demo("learner")
async def my_community(at):
    await at.service("communities/andes")


@on_the_demo("learner")
async def my_workshop(at):
    await at.workshop()


@on_the_demo("learner")
async def a_question_that_is_too_long(at):
    await at.workshop()
    await at.send("#question", action="raise", question="0" * 201)


@on_the_demo("learner")
async def no_such_page_of_the_service(at):
    await at.service("nothing-here")


@on_the_demo("learner")
async def not_my_community(at):
    await at.service("communities/sahel")


@on_the_demo("leaver")
async def erased(at):
    await at.become(f"leaver {at.tag}")
    await speak(at.page, at.tag, at.world)
    await at.service("me")
    await at.send("#username", action="erase", username=at.world.facts[f"leaver {at.tag}"])


@on_the_demo("asker")
async def a_hand_that_is_up(at):
    await at.room("es")


# Helpers


@on_the_demo("helper")
async def the_board(at):
    await at.workshop()


@on_the_demo("helper")
async def those_who_have_left_and_have_a_name_that_nobody_has(at):
    await at.workshop("?only=left&q=nobody-of-this-name")


@on_the_demo("helper")
async def keys(at):
    await at.workshop("/keys")


@on_the_demo("helper")
async def a_wrong_number(at):
    await at.workshop("/keys")
    await at.send("#number", number="000000", username=at.world.facts["learner"])


@on_the_demo("helper")
async def a_key_approved(at):
    number = lose_key(at.world, f"lost {at.tag}")
    await at.workshop("/keys")
    await at.send("#number", number=number, username=at.world.facts["double"])


# Champions


@on_the_demo("champion")
async def sign_in_again(at):
    await at.open("/hub/login?again=1&next=/hub/token")


@on_the_demo("champion")
async def community(at):
    await at.service("communities/andes")


@on_the_demo("champion")
async def all_workshops(at):
    await at.service("communities/andes/workshops")


@on_the_demo("champion")
async def people_of_the_community(at):
    await at.service("communities/andes/people")


@on_the_demo("champion")
async def people_sought_in_vain(at):
    await at.service("communities/andes/people?q=nobody-of-this-name")


@on_the_demo("champion")
async def somebody_asked_in_without_a_name(at):
    await at.service("communities/andes/people")
    await at.send("#username", action="offer", username=" ")


@on_the_demo("champion")
async def a_person(at):
    await at.service(f"communities/andes/people/{at.world.facts['helper']}")


@on_the_demo("champion")
async def settings_of_the_community(at):
    await at.service("communities/andes/settings")


@on_the_demo("champion")
async def leave(at):
    await at.service("communities/andes/leave")


@on_the_demo("champion")
async def new_workshop(at):
    await at.service("communities/andes/workshops/new")


@on_the_demo("champion")
async def new_workshop_with_errors(at):
    await at.service("communities/andes/workshops/new")
    await at.send("#title", title="Mapas", seats="0", day_0="", zone="America/Lima")


@on_the_demo("champion")
async def new_workshop_in_no_zone(at):
    await at.service("communities/andes/workshops/new")
    await at.send("#title", title="Mapas", zone="Cusco")


@on_the_demo("champion")
async def workshop(at):
    await at.workshop()


@on_the_demo("champion")
async def change_workshop(at):
    await at.workshop("/change")


@on_the_demo("champion")
async def change_workshop_with_errors(at):
    await at.workshop("/change")
    await at.send("#title", title=" ", seats="1", day_0="")


@on_the_demo("champion")
async def a_workshop_that_somebody_else_has_changed(at):
    await at.workshop("/change")
    await at.send("#title", version="0", title="Mapas", seats="12", zone="America/Bogota")
    await at.page.locator("#stands").wait_for()


@on_the_demo("champion")
async def clone_workshop(at):
    await at.workshop("/clone")


@on_the_demo("champion")
async def clone_workshop_with_errors(at):
    await at.workshop("/clone")
    await at.send("#title", first_day="")


@on_the_demo("champion")
async def projector(at):
    room = at.world.facts[f"room {at.tag}"]
    await at.service(f"communities/andes/workshops/{room}/projector")


@on_the_demo("champion")
async def a_sheet_for_the_wall(at):
    await at.workshop(f"/handouts?language={at.tag}")


@on_the_demo("champion")
async def slips_for_everybody(at):
    await at.workshop(f"/handouts?kind=slips&language={at.tag}")


@on_the_demo("champion")
async def a_message_that_is_too_long(at):
    await at.workshop()
    await at.send("#message-text", action="keep", message="5" * 501)


@on_the_demo("champion")
async def codes(at):
    await at.workshop("/codes")


@on_the_demo("champion")
async def codes_with_errors(at):
    await at.workshop("/codes")
    await at.send("#opens_at", seats="0", lasts_days="0", opens_at="soon")


@on_the_demo("champion")
async def codes_of_the_community(at):
    await at.service("communities/andes/codes")


@on_the_demo("champion")
async def a_code(at):
    await at.service(f"communities/andes/codes/{at.world.facts['invite by hand']}")


@on_the_demo("champion")
async def a_code_with_errors(at):
    await at.service(f"communities/andes/codes/{at.world.facts['invite by hand']}")
    await at.send("#opens_at", action="change", seats="0")


@on_the_demo("champion")
async def a_paused_code_of_mine(at):
    await at.service(f"communities/andes/codes/{at.world.facts['invite paused']}")


@on_the_demo("champion")
async def a_revoked_code_of_mine(at):
    await at.service(f"communities/andes/codes/{at.world.facts['invite revoked']}")


@on_the_demo("champion")
async def slips(at):
    await at.service(f"communities/andes/batches/{at.world.facts['batch']}")


@on_the_demo("champion")
async def a_person_who_asks_for_help(at):
    await at.room("es", f"/people/{at.world.facts['asker']}")


@on_the_demo("champion")
async def a_rehearsal(at):
    await at.room("fr")


@on_the_demo("champion")
async def who_completed_it(at):
    await at.workshop("/training")


@on_the_demo("champion")
async def who_completed_a_workshop_that_promises_nothing(at):
    await at.service(f"communities/andes/workshops/{at.world.facts['over']}/training")


@on_the_demo("champion")
async def who_trained_whom(at):
    await at.service("communities/andes/trainings")


@on_the_demo("champion")
async def what_people_said(at):
    await at.service(f"communities/andes/workshops/{at.world.facts['over']}/feedback")


@on_the_demo("champion")
async def what_everybody_may_know_with_its_buttons(at):
    await at.service("communities/andes/transparency")


@on_the_demo("champion")
async def cohort(at):
    await at.service("cohorts/south")


@on_the_demo("champion")
async def ask_for_more_without_an_amount(at):
    await at.service("communities/andes/ask")
    await at.send("#reason", amount="many", reason="Curso de hidrología")


@on_the_demo("champion")
async def lend_more_than_there_is(at):
    await at.service("communities/andes/lend")
    await at.send("#amount", amount="50", until="2031-03-02T12:00")


@on_the_demo("champion")
async def shared_workshops(at):
    await at.service("communities/andes/templates")


@on_the_demo("champion")
async def a_shared_workshop_to_hold(at):
    await at.service(f"communities/andes/templates/{at.world.facts['template']}")


@on_the_demo("champion")
async def numbers(at):
    await at.service("communities/andes/numbers")


@on_the_demo("champion")
async def report(at):
    await at.service(f"communities/andes/report?language={at.tag}")


@on_the_demo("champion")
async def retire(at):
    await at.workshop(f"/people/{at.world.facts['double']}/retire")


@on_the_demo("champion")
async def close(at):
    await at.workshop("/close")


@on_the_demo("champion")
async def keys_of_the_community(at):
    await at.service("communities/andes/keys")


@on_the_demo("champion")
async def quota(at):
    await at.service("communities/andes/quota")


@on_the_demo("champion")
async def quota_tried(at):
    await at.service("communities/andes/quota")
    await at.send("#lines", action="try", lines="servers = 1", days="7")


@on_the_demo("champion")
async def quota_of_a_workshop_without_limits(at):
    await at.workshop("/quota?days=7")


@on_the_demo("champion")
async def quota_of_days_that_are_none(at):
    await at.service("communities/andes/quota?from=2026-03-09&to=2026-03-01")


@on_the_demo("champion")
async def audit(at):
    await at.service("communities/andes/audit")


@on_the_demo("champion")
async def audit_of_nobody(at):
    await at.service("communities/andes/audit?person=nobody&action=quota:set")


@on_the_demo("champion")
async def audit_of_a_day_that_is_none(at):
    await at.service("communities/andes/audit?from=2026-02-31")


@on_the_demo("learner")
async def what_everybody_may_know(at):
    await at.service("communities/andes/transparency")


@on_the_demo("learner")
async def audit_summary(at):
    await at.service("communities/andes/audit")


# Operators


@on_the_demo("operator")
async def cohort_with_something_to_answer(at):
    await at.service("cohorts/south")


@on_the_demo("operator")
async def audit_of_the_hub(at):
    await at.service("hub/audit")


@on_the_demo("operator")
async def quota_of_the_hub(at):
    await at.service("hub/quota")


@on_the_demo("operator")
async def the_hub(at):
    await at.service("hub")


@on_the_demo("operator")
async def a_community_of_the_hub(at):
    await at.service("hub/communities/andes")


@on_the_demo("operator")
async def new_community_with_errors(at):
    await at.service("hub/communities/new")
    await at.send("#slug", slug="La Costa", name="Costa", champions="ana")


@on_the_demo("operator")
async def start_for_somebody_else(at):
    await at.open(f"/hub/spawn/{at.world.facts['learner']}")


@on_the_demo("operator")
async def tokens_and_administration(at):
    await at.open("/hub/token")
