"""What leaves the hub is compressed, by our own handlers. Bytes in a browser: `tests/browser`."""

from __future__ import annotations

import re

import pytest

from jupyterhub_communities.pages.templates import asset_version, static_dir

FILES = sorted(path.name for path in static_dir().iterdir())


def test_the_join_and_login_pages_weigh_less_than_30_kb(hub) -> None:
    code = hub.workshop("Ligero").learner_invite.code
    for path in ("/hub/login", "/hub/join"):
        device = hub.browser()
        device.session.headers["Accept-Encoding"] = "gzip"
        device.open_join(code)
        page = device.get(path)
        total = int(page.headers["Content-Length"])
        for address in set(
            re.findall(r'(?:href|src)="(/hub/communities/static/[^"]+)"', page.text)
        ):
            asset = device.session.get(hub.url + address, stream=True)
            total += len(asset.raw.read(decode_content=False))
        assert total < 30_000


@pytest.mark.parametrize("door", ["/hub/communities/static", "/services/communities/static"])
@pytest.mark.parametrize("name", FILES)
def test_every_file_of_ours_leaves_compressed_for_who_can_read_it(hub, door, name) -> None:
    sent = (static_dir() / name).read_bytes()
    for accepted, used in (("gzip, br", "gzip"), ("identity", None)):
        answer = hub.browser().get(f"{door}/{name}", headers={"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == used
        assert answer.headers["Vary"] == "Accept-Encoding", "a cache keeps both apart"
        assert answer.content == sent
    kept = hub.browser().get(f"{door}/{name}", params={"v": asset_version(name)})
    assert kept.headers["Cache-Control"] == f"max-age={365 * 24 * 3600}", "asked for once"


def test_every_page_leaves_compressed(hub) -> None:
    device = hub.browser()
    device.open_join(hub.workshop("Comprimido").learner_invite.code)
    device.session.headers["Accept-Encoding"] = "gzip"
    for path in ("/hub/login", "/hub/join", "/hub/lost-key", "/hub/nowhere"):
        assert device.get(path).headers["Content-Encoding"] == "gzip", path
    device.join(hub.workshop("Comprimido").learner_invite.code, "Liviana")
    for path in ("/hub/welcome", "/hub/home", "/hub/spawn", "/services/communities/"):
        assert device.get(path).headers["Content-Encoding"] == "gzip", path
