"""What follows a sign-in: the language that this device did not know, and the person's server."""

from __future__ import annotations

from urllib.parse import urlencode

from jupyterhub.user import User

from ..application.leases import start_choices, workshop_language
from ..application.people import find_person
from ..domain.refusals import StorageUnreachable
from ..pages.language import LANGUAGE_COOKIE, WORKSHOP_COOKIE, keep_language
from .devices import DeviceMixin
from .lookups import Newcomer, add_newcomer
from .pages import PageMixin


class ArrivingMixin(DeviceMixin, PageMixin):
    """For handlers that sign people in or send them on to their server."""

    newcomer: Newcomer | None = None  # whom this request adds
    arriving: User | None = None  # whom it signs in, if the Hub knows them

    def find_user(self, name: str) -> User | None:
        """The Hub looks up once more who was looked up for their groups just now."""
        if self.arriving is not None and self.arriving.name == name:
            return self.arriving
        return super().find_user(name)

    def user_from_username(self, username: str) -> User:
        """The Hub asks for somebody whom it has not found just now."""
        if self.newcomer is None or self.newcomer.username != username:
            return super().user_from_username(username)
        return self._user_from_orm(add_newcomer(self.db, self.newcomer))

    async def remember_language(self, username: str, *, workshop: str | None = None) -> None:
        """Brings the account's own choice to a device without one, and the workshop's language."""
        try:
            await self._remember_language(username, workshop)
        except StorageUnreachable:
            pass  # the person is in; the browser's language does until the next sign-in

    async def _remember_language(self, username: str, workshop: str | None) -> None:
        person = self.person
        if person is None:
            person = await self.house.look(find_person, username)
        stored = None if person.account is None else person.account.language
        days = None if self.device_is_shared else self.cookie_max_age_days
        if stored is not None and self.get_cookie(LANGUAGE_COOKIE) is None:
            keep_language(self, stored, self.language_paths, days=days)
        if workshop is None and len(person.languages) == 1:
            (workshop,) = person.languages
        elif workshop is None and person.languages:
            workshop = await self.house.run(workshop_language, person)
        if workshop is not None:
            keep_language(self, workshop, self.language_paths, cookie=WORKSHOP_COOKIE, days=days)

    async def start_server(self) -> None:
        """On to the server, with the workshop's profile and without another form."""
        user = self.current_user
        choices = await self.house.run(start_choices, user.name)
        if user.spawner.active:
            self.go("spawn")
        elif not choices:
            self.go("home")
        else:
            first = choices[0]
            options = {
                "opt-community": first.scope.community,
                "opt-workshop": first.scope.workshop,
                "opt-profile": first.preferred_profile,
            }
            self.go("spawn?" + urlencode({key: value for key, value in options.items() if value}))
