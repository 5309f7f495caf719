"""What the hub's log does not say. Nor does it after all other tests: see `conftest`."""

from __future__ import annotations

from hubs import codes_in, tracebacks_in


def test_no_code_and_no_key_is_in_the_log(hub) -> None:
    opened = hub.workshop("Registro")
    device = hub.browser()
    key = device.join(opened.learner_invite.code, "Registrada")
    device.open_join(opened.learner_invite.link)
    for secret in (opened.learner_invite.code, opened.learner_invite.link):
        device.get("/hub/login", params={"next": f"/hub/join?code={secret}"})
        device.get("/hub/spawn", params={"next": f"/hub/join?code={secret}"})
        hub.browser().get("/hub/spawn", params={"next": f"/hub/join?x=1&code={secret}"})
    for form in ({"return_key": key}, {"username": key}, {"code": opened.learner_invite.code}):
        hub.browser().post("/hub/login", form)
    log = hub.log()
    for secret in (key, opened.learner_invite.code, opened.learner_invite.link):
        assert secret not in log
        assert secret.replace("-", "") not in log
    assert not codes_in(log)


def test_a_code_and_a_traceback_in_a_log_are_noticed() -> None:
    log = "[I] a line\n[E] failed\nTraceback (most recent call last):\n  File\nValueError: {}\n"
    assert tracebacks_in(log.format("wrong"))
    assert not tracebacks_in(log.format("broken on purpose"))
    assert codes_in("?next=/hub/join?code=4K7P-W2QX-9RTM")
