"""Quota, profiles and language for any Spawner.

Admission is the first act of `start`: one transaction holds the quota at every level or refuses.
What was held is given back when the server has stopped, however that came about.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Mapping
from time import monotonic
from typing import Any
from uuid import uuid4

from jupyterhub.spawner import SimpleLocalProcessSpawner, Spawner
from jupyterhub.utils import maybe_future, url_path_join
from traitlets import Callable, Enum, Instance, Unicode, Union, default
from traitlets.config import Config

from ..application.board import end_trouble, note_trouble
from ..application.erasure import note_home
from ..application.house import House
from ..application.leases import (
    StartPlan,
    StartRequest,
    ask_to_start,
    reader_languages,
    settle_server,
    start_choices,
)
from ..application.people import find_person
from ..application.ports import Settings
from ..application.remaining import left_to_start
from ..domain.board import FAILED, SILENT
from ..domain.leases import ServerKey
from ..domain.line import is_for_a_moment
from ..domain.profiles import Catalogue, Profile
from ..domain.refusals import QuotaExceeded, Refusal, StorageUnreachable
from ..domain.texts import in_language
from ..pages.language import current_messages, refine_language
from . import homes, lab, set_aside
from .activations import ACTIVATIONS, Activations
from .answering import answers
from .batch import memory_format, written
from .line import LINE, Line
from .options import (
    RESCUE,
    draw_form,
    draw_grace,
    draw_left,
    picked_of,
    read_options,
    scope_of,
    set_aside_sentence,
)
from .profile_list import lost_rescue
from .refused import SpawnRefused, keep_failure_count

_ASKED_EVERY = 60.0  # seconds, at least; no oftener than `poll_interval`
_MISSES = 2  # questions without an answer, of a server that does not answer any more


class CommunitySpawnerMixin(Spawner):
    """Admits servers on a community's quota and starts them with its profile and language.

    Ways to use it, from least to most effort: `configure(c, "communities.yaml")` in
    `jupyterhub_config.py`; `with_communities(SomeSpawner)`; a subclass that lists this mixin before
    the Spawner.
    """

    house = Instance(
        House,
        allow_none=True,
        help="The house of communities whose quota servers are charged to. `configure` sets it.",
    ).tag(config=True)

    delete_home = Union(
        [Enum(["kept", "directory"]), Callable()],
        default_value="kept",
        help="What becomes of home files when the Hub deletes a user, as an erasure does. `kept`: "
        "nothing. `directory`: the folder on this machine is deleted, where its path names the user; "
        "for Spawners of local processes. Or a function of the spawner that deletes them and answers "
        "whether it did; it may be async. Volumes of Kubernetes follow `KubeSpawner.delete_pvc`.",
    ).tag(config=True)

    lab_settings_dir = Unicode(
        help="Where servers find JupyterLab's settings for each language. By default the folder of "
        "this installation, which servers on this machine see. For containers: a copy of it in the "
        "image, or mounted. Pods of Kubernetes need none. Empty: JupyterLab's language is left alone.",
    ).tag(config=True)

    batch_memory = Unicode(
        help="How a batch scheduler is asked for memory, `{}` standing for mebibytes: `{}M`. By "
        "default as Slurm, Torque, Moab, PBS, HTCondor and Grid Engine each read it; for others "
        "the memory of a profile is left out.",
    ).tag(config=True)

    environment: dict[str, Any]
    user_options: dict[str, Any]
    cookie_options: dict[str, Any]
    lease_id: str | None = None
    _admitted: StartPlan | None = None
    was_in_line = False  # by a refusal of the last start
    _is_form_skipped = False
    _form_catalogue: Catalogue | None = None  # of a list of its own, as it was drawn last
    _is_silent: bool | None = False  # None: not known, by a Hub that has found it running
    _is_given_up = False  # the start: it took too long, or was cut short
    _asking: asyncio.Task[None] | None = None
    _missed = 0  # questions without an answer
    _asked_next = 0.0  # by the monotonic clock

    @default("lab_settings_dir")
    def _default_lab_settings_dir(self) -> str:
        return str(lab.settings_dir())

    @classmethod
    def mistakes_in(cls, c: Config, settings: Settings) -> list[str]:
        """What stands in the configuration or the file that this Spawner cannot do: a sentence for
        each. The hub does not start with one."""
        return lost_rescue(settings)

    @classmethod
    def warnings_in(cls, c: Config, settings: Settings) -> list[str]:
        """What will be left out."""
        has_memory = any(profile.memory is not None for profile in settings.catalogue.profiles)
        if not has_memory or "req_memory" not in cls.class_trait_names():
            return []
        if memory_format(cls) or configured(cls, c, "batch_memory"):
            return []
        return [
            f"The memory of profiles is left out of the jobs of {cls.__name__}: the unit that its "
            "scheduler reads is not known. Set it: c.CommunitySpawnerMixin.batch_memory = '{}M'"
        ]

    @property
    def _house(self) -> House:
        if self.house is None:
            raise RuntimeError(
                "communities are not configured: call configure(c, 'communities.yaml') "
                "at the end of jupyterhub_config.py"
            )
        return self.house

    @property
    def _activations(self) -> Activations:
        found: Activations = self.user.settings.setdefault(ACTIVATIONS, Activations(self._house))
        return found

    @property
    def server_key(self) -> ServerKey:
        return ServerKey(self.user.name, self.name)

    # Options: what the person chooses

    @default("options_form")
    def _default_options_form(self) -> Any:
        return type(self)._draw_options_form

    def set_aside_in_words(self) -> str:
        """What the progress page says of the start that is under way; empty where nothing is known."""
        plan = self._admitted
        return "" if plan is None else set_aside_sentence(plan, current_messages())

    async def get_options_form(self) -> Any:
        """A form that is not ours knows nothing of quotas: what is left stands above it."""
        form = await super().get_options_form()
        if not form or not isinstance(form, str) or self._has_our_form:
            return form
        return f"{await self._draw_left()}{form}"

    async def _draw_left(self) -> str:
        """Empty where nothing is limited, or nobody can say: the form is of use without."""
        try:
            places = await self._house.look(left_to_start, self.user.name, self._form_catalogue)
        except Refusal:
            return ""
        return str(draw_left(places, current_messages()))

    async def _draw_options_form(self) -> str:
        """The form; empty where there is nothing to choose, so that one click starts."""
        try:
            person = await self._house.run(find_person, self.user.name)
            if person.grace_until is not None:
                return draw_grace(person.grace_until, current_messages())
            form = await self._draw_choices()
        except StorageUnreachable:
            return ""  # the start itself says so
        self._is_form_skipped = not form
        return form

    async def _draw_choices(self) -> str:
        choices = await self._house.run(start_choices, self.user.name)
        return draw_form(choices, current_messages())

    @default("options_from_form")
    def _default_options_from_form(self) -> Any:
        """Slugs only for our form and our links; a form of the operator's is read as it always was."""
        if self._has_our_form:
            return self._read_options
        return Spawner._passthrough_options_from_form

    def options_from_query(self, query_data: Mapping[str, list[str]]) -> Any:
        """`opt-profile`, `opt-community`, `opt-workshop` and `opt-choice-…` of a link, else what the
        form reads."""
        self._is_form_skipped = False  # this choice is no old one
        return self._read_options(query_data) or super().options_from_query(query_data)

    @property
    def _has_our_form(self) -> bool:
        return bool(self.options_form == type(self)._draw_options_form)

    def _read_options(self, data: Mapping[str, Any] | None) -> dict[str, str]:
        return read_options(data, self._house.settings.catalogue.choice_slugs())

    @default("apply_user_options")
    def _default_apply_user_options(self) -> Any:
        return _applied_by_start

    # A start

    async def start(self) -> Any:
        self.lease_id = None
        if self._has_our_form:
            # REST requests may hold anything; DockerSpawner takes `image` from here, BatchSpawner
            # each word of its job script.
            self.user_options = self._read_options(self.user_options)
        # The server's cookies end with the browser: whoever kept the Hub's is let in again unasked.
        self.cookie_options = {**self.cookie_options, "expires_days": None}
        self._admitted = None
        self._missed, self._is_silent, self._is_given_up = 0, False, False
        self._asked_next = monotonic() + _ASKED_EVERY  # the Hub itself asks now
        await self._prepare()
        try:
            url = await maybe_future(super().start())
        except SpawnRefused:
            raise  # as on Kubernetes, where sizes are known late
        except asyncio.CancelledError:
            self._is_given_up = True  # told when it has stopped: nobody waits for this any more
            raise
        except Exception:
            await self._note_trouble(FAILED)
            raise
        if self.lease_id is not None:
            self._activations.note(self.lease_id)
        return url

    async def _prepare(self) -> StartPlan | None:
        """Admits the server and sets what it is started with."""
        plan = await self._admit(await self.request_for(self.user_options))
        if plan is not None:
            self._apply_plan(plan)
        return plan

    async def request_for(self, options: dict[str, Any] | None) -> StartRequest:
        """What a start with these options would ask for; None: with those that the Hub kept. By nobody
        knows whom: checked when it is admitted. Changes nothing here: another start may be under way."""
        read = self._read_options(self._options_of(options))
        return StartRequest(
            lease_id=uuid4().hex,
            server=self.server_key,
            scope=scope_of(read),
            # A hub without profiles of ours may have a form of its own that calls something so.
            profile=read.get("profile") if self._house.settings.catalogue.profiles else None,
            picked=picked_of(read),
            is_hub_admin=bool(self.user.admin),
            otherwise=self._configured_sizes(),
            is_rescue=RESCUE in read,
            others_wait=RESCUE in read and self._others_wait,
        )

    @property
    def _others_wait(self) -> bool:
        line: Line | None = self.user.settings.get(LINE)
        return line is not None and line.has_others(self.server_key)

    def _options_of(self, options: dict[str, Any] | None) -> dict[str, Any]:
        """Without a form the Hub hands over the options of the last start: a choice made elsewhere,
        perhaps of a community that the person has left."""
        if self._is_form_skipped:
            return {}
        return self.user_options if options is None else options

    def _configured_sizes(self) -> Mapping[str, int]:
        """What the server takes of that of which its profile says nothing."""
        return set_aside.of_spawner(self)

    async def _admit(self, request: StartRequest) -> StartPlan | None:
        """Holds quota. None where the database does not answer and the hub admits then."""
        plan = await self._answer(ask_to_start(self._house, request))
        if plan is not None:
            self.lease_id, self._admitted = request.lease_id, plan
        return plan

    async def _answer(self, planning: Awaitable[StartPlan]) -> StartPlan | None:
        """A plan, or its refusal as the Hub understands it."""
        try:
            return await planning
        except StorageUnreachable as refusal:
            if self._house.settings.admit_when_unreachable:
                self.log.warning("Started %s without a lease: no database", self._log_name)
                return None
            raise await self._refused(refusal) from None
        except Refusal as refusal:
            raise await self._refused(refusal) from None

    async def _refused(self, refusal: Refusal) -> SpawnRefused:
        """The refusal in the person's language, whoever's request it is that starts the server."""
        try:
            stored, workshop = await self._house.look(reader_languages, self.user.name)
            refine_language(stored=stored, workshop=workshop)
        except StorageUnreachable:
            pass  # the request's own language will do
        # Who is refused for a moment waits in line, and is seen there.
        is_short = isinstance(refusal, QuotaExceeded) and is_for_a_moment(refusal)
        if not is_short and not isinstance(refusal, StorageUnreachable):
            await self._note_trouble(refusal.code)
        keep_failure_count(self.user.settings)
        if not isinstance(refusal, QuotaExceeded):
            return SpawnRefused(refusal, current_messages())
        if refusal.earliest is None:
            return SpawnRefused(refusal, current_messages(), self._rescue_url)
        seconds = math.ceil((refusal.earliest - self._house.clock.now()).total_seconds())
        return SpawnRefused(
            refusal, current_messages(), self._rescue_url, retry_after=max(1, seconds)
        )

    async def _note_trouble(self, code: str) -> None:
        """For whoever helps: the board says why somebody has no server."""
        try:
            await self._house.run(note_trouble, self.user.name, code)
        except Refusal:
            self.log.info("The board does not know that %s did not start", self._log_name)

    @property
    def _rescue_url(self) -> str:
        place = [self.user.escaped_name, *([self.name] if self.name else [])]
        return f"{url_path_join(self.hub.base_url, 'spawn', *place)}?opt-{RESCUE}=yes"

    def _apply_plan(self, plan: StartPlan) -> None:
        """Sets what the profile, the workshop and the reader's language ask for."""
        messages = refine_language(
            stored=plan.account.language if plan.account else None,
            workshop=plan.workshop.language if plan.workshop else None,
        )
        if plan.profile is not None:
            language = plan.workshop.language if plan.workshop else messages.tag
            self.apply_profile(plan.profile, language)
            if lesson := in_language(plan.profile.default_urls, language):
                self.default_url = lesson.replace("{", "{{").replace("}", "}}")
        self.apply_language(messages.tag)

    def apply_profile(self, profile: Profile, tag: str) -> None:
        """Sets what this Spawner has traits for: sizes, image, environment in the language `tag`."""
        self.environment = {**self.environment, **profile.variables(tag)}
        if profile.milli_cpu is not None:
            self.cpu_limit = profile.milli_cpu / 1000
            self._set("req_nprocs", str(math.ceil(profile.milli_cpu / 1000)))  # BatchSpawner
        if profile.memory is not None:
            self.mem_limit = profile.memory
            if form := self.batch_memory or memory_format(type(self)):
                self._set("req_memory", written(profile.memory, form))
        if image := profile.image(tag):
            self._set("image", image)

    def _set(self, name: str, value: str) -> None:
        if self.has_trait(name):
            setattr(self, name, value)

    def apply_language(self, tag: str) -> None:
        """The language as a default: the person's own setting in JupyterLab still wins."""
        environment = {**self.environment, **lab.language_environment(tag)}
        if self.lab_settings_dir:
            environment["JUPYTER_CONFIG_PATH"] = lab.config_path(
                self.lab_settings_dir, tag, self.environment.get("JUPYTER_CONFIG_PATH")
            )
        self.environment = environment

    # The end of a server

    # The Hub wants every Spawner class to name these; the Spawner that is mixed with has them.

    async def stop(self, now: bool = False) -> None:
        await maybe_future(super().stop(now))

    async def poll(self) -> int | None:
        status: int | None = await maybe_future(super().poll())
        return status

    async def poll_and_notify(self) -> int | None:
        """What the Hub does from time to time while a server runs, and before it stops one; and whether
        it still answers. Nobody waits for that."""
        status: int | None = await super().poll_and_notify()
        is_asked = self._asking is not None and not self._asking.done()
        if status is None and self.ready and not is_asked and monotonic() >= self._asked_next:
            self._asking = asyncio.create_task(self._ask_whether_it_answers())
        return status

    async def _ask_whether_it_answers(self) -> None:
        """Once is no time: it may have much to do, and so may the Hub. Then it is asked sooner."""
        if await answers(self):
            self._missed = 0
            self._asked_next = monotonic() + _ASKED_EVERY
            if self._is_silent is not False:  # None: as the Hub before this one left it
                await self._end_silence()
        elif self.ready:
            self._missed += 1
            if self._missed == _MISSES and not self._is_silent:
                self.log.warning("%s runs and does not answer", self._log_name)
                self._is_silent = True
                await self._note_trouble(SILENT)

    async def _end_silence(self) -> None:
        try:
            await self._house.run(end_trouble, self.user.name, SILENT)
            self._is_silent = False
        except StorageUnreachable:
            self.log.info("The board does not know that %s answers", self._log_name)

    async def run_post_stop_hook(self) -> None:
        """Settles the lease, if the server is really gone. Safe to repeat."""
        try:
            await maybe_future(super().run_post_stop_hook())
        finally:  # whatever became of an operator's own
            await self._settle()

    async def _settle(self) -> None:
        if await self.poll() is None:
            return  # still running: the reconciling timer looks again
        try:
            # By server, not by `lease_id`: reconciling may have given it another lease meanwhile.
            came_up = self._activations.has(self.lease_id)
            await self._house.run_short(settle_server, self.server_key, came_up=came_up)
        except StorageUnreachable:
            self.log.info("The stop of %s is settled by the next reconciling", self._log_name)
        self.lease_id = None
        if self._is_given_up:
            self._is_given_up = False
            # Of a start that was cut short the Hub has let go by now.
            if self._spawn_future is not None and not self._spawn_future.done():
                await self._note_trouble(FAILED)
        elif self._waiting_for_response:  # and has given it up: it was started, and never answered
            await self._note_trouble(SILENT)
        elif self._is_silent:
            await self._end_silence()

    # The end of a user

    async def delete_forever(self) -> None:
        """Called by the Hub for each server of a user that it deletes: the first one has the home."""
        if (line := self.user.settings.get(LINE)) is not None:
            await line.leave([self.server_key])
        await maybe_future(super().delete_forever())
        if self.name:
            return  # a named server was removed, or goes along with the user's first one
        try:
            is_deleted = await self._delete_home()
        except Exception:
            self.log.exception("The home of %s could not be deleted", self._log_name)
            is_deleted = False
        try:
            await self._house.run(note_home, self.user.name, deleted=is_deleted)
        except StorageUnreachable:
            self.log.warning("What became of a deleted user's home is not in the audit trail")

    async def _delete_home(self) -> bool:
        if self.delete_home == "kept":
            return False
        if self.delete_home == "directory":
            return await asyncio.to_thread(homes.delete_home, self)
        return bool(await maybe_future(self.delete_home(self)))

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        if self.lease_id is not None:
            state["lease_id"] = self.lease_id
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.lease_id = state.get("lease_id")
        self._is_silent = None

    async def progress(self) -> Any:
        """What the person reads while the server starts: the Hub's own sentence, translated. What
        the Spawner adds is marked as English, and set apart on the page."""
        async for event in super().progress():
            if event.get("message") == "Spawning server...":
                sentence = current_messages().gettext("Your server is starting.")
                event = {**event, "message": sentence}
            else:
                event = {"lang": "en", **event}
            yield event


def configured(spawner_class: type, c: Config, name: str) -> Any:
    """What the configuration says of a trait, of the class or of one that it derives from."""
    sections = (c.get(base.__name__, {}) for base in spawner_class.__mro__)
    return next((section[name] for section in sections if name in section), None)


def _applied_by_start(spawner: Spawner, options: Mapping[str, Any]) -> None:
    """The options are slugs; `start` looks them up and admits or refuses."""


class CommunityLocalProcessSpawner(CommunitySpawnerMixin, SimpleLocalProcessSpawner):
    """Local processes of one operating system user: for trying out."""
