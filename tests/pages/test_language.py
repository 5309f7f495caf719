"""The language of a request, in a real tornado application."""

import asyncio
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from jupyterhub_communities.i18n.messages import offered
from jupyterhub_communities.i18n.negotiation import closest
from jupyterhub_communities.pages.language import (
    LANGUAGE_COOKIE,
    current_address,
    current_messages,
    keep_language,
    language_transform,
    local_path,
    refine_language,
    use_language,
)


class Greeting(RequestHandler):
    async def get(self):
        known = {name: self.get_argument(name, None) for name in ("stored", "workshop")}
        await asyncio.sleep(0.001)  # other requests come between
        refine_language(**known)
        in_a_task = await asyncio.create_task(self.greeting())
        self.finish(f"{current_messages().tag} {in_a_task}")

    async def greeting(self):
        await asyncio.sleep(0.001)
        return current_messages().gettext("Sign out")


class Failing(RequestHandler):
    def get(self):
        raise RuntimeError

    def log_exception(self, *args):
        pass

    def write_error(self, status_code, **kwargs):
        self.finish(current_messages().gettext("This page does not exist."))


class Address(RequestHandler):
    def get(self):
        self.finish(current_address())

    post = get


class Switch(RequestHandler):
    def get(self):
        tag = closest(self.get_argument("to", ""), offered())
        if tag is not None:
            keep_language(self, tag, ("/hub/", "/services/communities/"))
        self.redirect(local_path(self.get_argument("next", ""), default="/hub/"))


def ask(*requests):
    """The answers to requests, each (path, headers) or a path, all sent at once."""

    async def conversation():
        application = Application(
            [
                (r"/", Greeting),
                (r"/failing", Failing),
                (r"/hub/language", Switch),
                (r"/hub/.*", Address),
            ],
            transforms=[language_transform("pt-BR")],
        )
        server = HTTPServer(application)
        socket, port = bind_unused_port()
        server.add_socket(socket)
        client = AsyncHTTPClient(force_instance=True, max_clients=50)
        try:
            return await asyncio.gather(
                *(
                    client.fetch(
                        f"http://127.0.0.1:{port}{path}",
                        headers=headers,
                        raise_error=False,
                        follow_redirects=False,
                    )
                    for path, headers in (
                        request if isinstance(request, tuple) else (request, {})
                        for request in requests
                    )
                )
            )
        finally:
            client.close()
            server.stop()

    return asyncio.run(conversation())


@pytest.mark.parametrize(
    ("path", "headers", "answer"),
    [
        ("/", {}, "pt-BR Sair"),  # the hub's own
        ("/", {"Accept-Language": "es-PE,es;q=0.9"}, "es Salir"),
        ("/?lang=en", {"Accept-Language": "es"}, "en Sign out"),
        ("/?lang=%FF", {"Accept-Language": "es"}, "es Salir"),
        ("/", {"Accept-Language": "es", "Cookie": f"{LANGUAGE_COOKIE}=en"}, "en Sign out"),
        ("/", {"Accept-Language": "es", "Cookie": f"{LANGUAGE_COOKIE}=%00"}, "es Salir"),
        ("/", {"Accept-Language": "x" * 10_000}, "pt-BR Sair"),
        ("/?workshop=es", {"Accept-Language": "en"}, "es Salir"),
        ("/?stored=en&workshop=es", {}, "en Sign out"),
        ("/?stored=en", {"Cookie": f"{LANGUAGE_COOKIE}=es"}, "es Salir"),
    ],
)
def test_a_request_is_answered_in_the_readers_language(path, headers, answer):
    (response,) = ask((path, headers))
    assert response.body.decode() == answer


def test_an_error_page_speaks_the_readers_language():
    (response,) = ask(("/failing", {"Accept-Language": "es"}))
    assert (response.code, response.body.decode()) == (500, "Esta página no existe.")


def test_languages_of_concurrent_requests_do_not_mix():
    wanted = ["es Salir", "pt-BR Sair", "en Sign out"] * 40
    requests = [("/", {"Accept-Language": answer.split()[0]}) for answer in wanted]
    assert [response.body.decode() for response in ask(*requests)] == wanted


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/hub/login?next=%2Fhub%2Fhome", "/hub/login?next=%2Fhub%2Fhome"),
        ("/hub/join?code=ABCD&lang=es&x=1", "/hub/join?x=1"),
        ("/hub/login?next=%2Fhub%2Fjoin%3Fcode%3DABCD", "/hub/login"),
        ("/hub/spawn?opt-profile=small", "/hub/spawn"),
        ("/hub/home", "/hub/home"),
    ],
)
def test_the_language_switch_comes_back_without_secrets_and_without_starting_anything(
    path, address
):
    (response,) = ask(path)
    assert response.body.decode() == address


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/hub/home?a=b", "/hub/home?a=b"),
        ("//elsewhere.example/", "/hub/"),
        ("/\\elsewhere.example/", "/hub/"),
        ("/hub\\..\\x", "/hub/"),
        ("https://elsewhere.example/", "/hub/"),
        ("javascript:alert(1)", "/hub/"),
        ("/hub/\r\nSet-Cookie: a=b", "/hub/"),
        ("", "/hub/"),
    ],
)
def test_only_a_path_on_this_host_is_a_way_back(wanted, path):
    assert local_path(wanted, default="/hub/") == path


def test_switching_keeps_the_language_at_both_doors_and_goes_back():
    (response,) = ask("/hub/language?" + urlencode({"to": "es-MX", "next": "/hub/home"}))
    assert (response.code, response.headers["Location"]) == (302, "/hub/home")
    cookies = [SimpleCookie(header) for header in response.headers.get_list("Set-Cookie")]
    kept = {cookie[LANGUAGE_COOKIE]["path"]: cookie[LANGUAGE_COOKIE] for cookie in cookies}
    assert set(kept) == {"/hub/", "/services/communities/"}
    assert all(morsel.value == "es" and morsel["httponly"] for morsel in kept.values())


def test_switching_to_what_is_not_offered_changes_nothing():
    (response,) = ask("/hub/language?to=tlh&next=//elsewhere.example")
    assert (response.code, response.headers["Location"]) == (302, "/hub/")
    assert "Set-Cookie" not in response.headers


def test_a_language_can_be_set_for_a_block_of_code():
    with use_language("es") as messages:
        assert messages.tag == current_messages().tag == "es"
    assert current_messages().tag == "en"
