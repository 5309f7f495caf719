"""After everything above: what the hub's log says, and does not say."""

from __future__ import annotations

import re

CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")


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
    assert not CODE.search(log)


def test_nothing_was_logged_as_a_traceback(hub) -> None:
    lines = hub.log().splitlines()
    found = [
        "\n".join(lines[max(0, number - 3) : number + 40])
        for number, line in enumerate(lines)
        if "Traceback (most recent call last)" in line
    ]
    # The start that fails on purpose is an accident, and the Hub logs it as one.
    unexpected = [text for text in found if "broken on purpose" not in text]
    assert not unexpected, unexpected[0]
