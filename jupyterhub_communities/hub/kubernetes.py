"""Communities on Kubernetes, through KubeSpawner."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from jupyterhub.utils import maybe_future
from kubespawner import KubeSpawner
from markupsafe import escape
from slugify import slugify
from traitlets import default
from traitlets.config import Config

from ..application.leases import StartPlan, StartRequest, as_planned, offer_to, plan_start
from ..application.ports import Settings
from ..domain.grants import NOBODY
from ..domain.profiles import OTHER_IMAGE, Catalogue, Profile, ProfileChoice
from ..domain.refusals import OptionNotOffered, Refusal, StorageUnreachable
from ..i18n.messages import Messages
from ..pages.language import current_messages
from . import lab, set_aside
from .options import sizes
from .profile_list import (
    Entry,
    list_options,
    localised,
    lost_rescue,
    picked_from,
    read_list_options,
    read_profile_list,
)
from .spawner import CommunitySpawnerMixin, configured

TWO_LISTS = (
    "c.KubeSpawner.profile_list and the profiles of communities.yaml are two lists of what servers "
    "are started with. Keep one. To see those of communities.yaml in KubeSpawner's form: "
    "c.KubeSpawner.profile_list = lambda spawner: spawner.profile_entries()"
)
_LOGGED: set[str] = set()  # mistakes in a list that is a function: it is read at every start
LAB_VOLUME = "jupyterhub-communities-lab"
LAB_FOLDER = "/etc/jupyterhub-communities/lab"


class CommunityKubeSpawnerMixin(CommunitySpawnerMixin):
    """What KubeSpawner has beyond other Spawners: guarantees, images, and its `profile_list`.

    Where a `profile_list` is configured, KubeSpawner draws its own form. The list may be the
    operator's, gated and translated within its entries, or come from the catalogue:
    `c.KubeSpawner.profile_list = lambda spawner: spawner.profile_entries()`. What is startable is
    decided before KubeSpawner sees the list; then it sees the one entry that was admitted.
    """

    profile_list: Any
    extra_annotations: dict[str, str]
    volumes: Any
    volume_mounts: Any
    _entries: Sequence[Entry] = ()  # of the operator's list, as they stood at admission
    _plan: StartPlan | None = None
    _planned: StartRequest | None = None  # what is admitted once the pod's sizes are known
    _admitted_sizes: Mapping[str, int] | None = None
    _lab_volume: dict[str, Any] | None = None

    @default("lab_settings_dir")
    def _default_lab_settings_dir(self) -> str:
        return ""  # a folder of the Hub's machine: the pod has one of its own

    @default("options_form")
    def _default_options_form(self) -> Any:
        return type(self)._draw_profile_list if self.profile_list else type(self)._draw_options_form

    @default("options_from_form")
    def _default_options_from_form(self) -> Any:
        if self.profile_list:
            return super()._options_from_form
        return super()._default_options_from_form()

    def options_from_query(self, query_data: Mapping[str, list[str]]) -> Any:
        """A link may name what the list has by KubeSpawner's names or by ours."""
        if self._has_list_of_its_own:
            self._is_form_skipped = False
            return read_list_options(query_data)
        return super().options_from_query(query_data)

    @classmethod
    def mistakes_in(cls, c: Config, settings: Settings) -> list[str]:
        """What the list and the catalogue say that KubeSpawner or the file does not have."""
        mistakes = list(unknown_settings(settings.catalogue, cls.class_trait_names()))
        listed = configured(cls, c, "profile_list")
        if listed is None:
            return [*mistakes, *super().mistakes_in(c, settings)]
        if not isinstance(listed, (list, dict)):
            return mistakes  # a function is read at each start
        if settings.catalogue.profiles:
            return [*mistakes, TWO_LISTS]
        entries = with_slugs(listed)
        wrong = read_profile_list(entries, settings.communities).mistakes
        mistakes += (f"c.KubeSpawner.{mistake}" for mistake in wrong)
        slugs = [entry["slug"] for entry in entries]
        return [*mistakes, *lost_rescue(settings, slugs, "c.KubeSpawner.profile_list")]

    # The list

    @property
    def _has_list_of_its_own(self) -> bool:
        """The catalogue of `communities.yaml` is what is offered, if there is one."""
        return bool(self.profile_list) and not self._house.settings.catalogue.profiles

    async def _list_entries(self) -> list[Entry]:
        listed = self.profile_list
        if callable(listed):
            listed = await maybe_future(listed(self))
        return with_slugs(listed)

    async def _own_catalogue(self) -> Catalogue:
        """The operator's list as it stands now. A mistake in it is logged once."""
        settings = self._house.settings
        listed = read_profile_list(await self._list_entries(), settings.communities)
        self._entries = listed.entries
        slugs = [profile.slug for profile in listed.catalogue.profiles]
        mistakes = [
            f"KubeSpawner.{mistake}. The entry is offered to nobody" for mistake in listed.mistakes
        ]
        mistakes += lost_rescue(settings, slugs, "KubeSpawner.profile_list")
        for mistake in mistakes:
            if mistake not in _LOGGED:
                _LOGGED.add(mistake)
                self.log.error("%s", mistake)
        return listed.catalogue

    async def _draw_profile_list(self) -> str:
        """KubeSpawner's form of what is theirs; empty where one click is enough."""
        return await self._draw_options_form()

    async def _draw_choices(self) -> str:
        if not self.profile_list:
            return await super()._draw_choices()
        if self._has_list_of_its_own:
            catalogue = self._form_catalogue = await self._own_catalogue()
            offer = await self._house.run(offer_to, self.user.name, catalogue)
            entries = localised(self._entries, offer.profiles, current_messages())
        else:
            entries = await self._list_entries()
        if not any(entry.get("profile_options") for entry in entries) and len(entries) < 2:
            return ""
        with self._seeing(entries, read_list_options(self.user_options)):
            return str(self._render_options_form(entries))

    async def profile_entries(self) -> list[Entry]:
        """The catalogue as KubeSpawner's `profile_list`, in the reader's language.

        Slugs are stable: a translation breaks no saved option. Texts are escaped, which
        KubeSpawner leaves to its configuration. What an entry sets is not in it: that is applied
        from the catalogue, with every other Spawner's. Overrides that are added to it go last.
        """
        try:
            offer = await self._house.run(offer_to, self.user.name)
        except StorageUnreachable:
            return []  # the start itself says so, or does without
        messages = current_messages()
        return [
            profile_entry(profile, messages, is_default=profile.slug == offer.preferred_profile)
            for profile in offer.profiles
        ]

    # A start

    async def request_for(self, options: dict[str, Any] | None) -> StartRequest:
        request = await super().request_for(options)
        if not self._has_list_of_its_own:
            return request
        listed = read_list_options(self._options_of(options))
        catalogue = await self._own_catalogue()
        return replace(
            request,
            catalogue=catalogue,
            profile=listed.get("profile"),
            picked=picked_from(listed, catalogue.choice_slugs()),
        )

    async def _prepare(self) -> StartPlan | None:
        """Only looks up what is started: what the pod takes is known when KubeSpawner has applied
        its list, and only then it is admitted."""
        self._plan = self._planned = self._admitted_sizes = None
        request = await self.request_for(self.user_options)
        plan = await self._answer(self._house.look(plan_start, request))
        if plan is not None:
            self._planned = as_planned(request, plan)
            self._apply_plan(plan)
        return plan

    def _apply_plan(self, plan: StartPlan) -> None:
        super()._apply_plan(plan)
        self._plan = plan

    def _configured_sizes(self) -> Mapping[str, int]:
        return self._sizes_of(set_aside.pod_of(self))

    def _sizes_of(self, spec: Any) -> dict[str, int]:
        """Of a pod as it travels: settings may be objects of Kubernetes' client."""
        return set_aside.of_pod(self.api.api_client.sanitize_for_serialization(spec))

    async def load_user_options(self) -> None:
        """The last that sets sizes, and the first act of KubeSpawner's start: nothing is asked of
        Kubernetes yet."""
        await self._load_planned_entry()
        await self._admit_sizes(self._sizes_of(set_aside.pod_of(self)))

    async def _make_create_pod_request(self, pod: Any, request_timeout: int) -> Any:
        """KubeSpawner's last step before there is a pod: `modify_pod_hook` and what KubeSpawner
        itself makes of its settings are seen here. Another size is admitted anew."""
        await self._admit_sizes(self._sizes_of(pod.spec))
        return await super()._make_create_pod_request(pod, request_timeout)

    async def _admit_sizes(self, sizes: Mapping[str, int]) -> None:
        """Holds what the pod sets aside, in place of what the server held before, or refuses."""
        if self._planned is None or sizes == self._admitted_sizes:
            return
        held = set_aside.as_named(sizes, None if self._plan is None else self._plan.profile)
        await self._admit(replace(self._planned, lease_id=uuid4().hex, set_aside=held))
        self._admitted_sizes = sizes

    async def _load_planned_entry(self) -> None:
        """KubeSpawner applies the one entry that was planned, with the choices that are theirs."""
        if not self.profile_list:
            return
        if self._plan is not None:
            profile, picked = self._plan.profile, self._plan.picked
        elif self._has_list_of_its_own:
            profile, picked = await self._open_to_all()
        else:
            return  # as every Spawner without a plan: what is configured
        if profile is None:
            return
        if not self._has_list_of_its_own:
            self._entries = await self._list_entries()
        # Where no choice is left and nothing was named, KubeSpawner would look for a default.
        named = [c for c in profile.choices if c.options or c.slug + OTHER_IMAGE in picked]
        profile = replace(profile, choices=tuple(named))
        entries = localised(self._entries, [profile], current_messages())
        if not entries:
            return  # the rescue profile may be one that the list does not offer: it is applied
        with self._seeing(entries, list_options(profile, picked)):
            try:
                await super().load_user_options()
            except ValueError as error:  # another value than `validation_regex` allows
                self.log.info("%s: profile_list does not allow it: %s", self._log_name, error)
                raise await self._refused(OptionNotOffered()) from None
        self._mount_lab_settings()  # an entry with volumes of its own has replaced them

    async def _open_to_all(self) -> tuple[Profile | None, Mapping[str, str]]:
        """For a start without a lease, while the database does not answer."""
        request = await self.request_for(self.user_options)
        wanted, picked = request.profile, request.picked
        assert request.catalogue is not None
        try:
            profile = request.catalogue.choose(
                wanted, NOBODY, None, None, preferred=None, picked=picked
            )
        except Refusal as refusal:
            raise await self._refused(refusal) from None
        return profile, picked

    @contextmanager
    def _seeing(self, entries: list[Entry], options: dict[str, str]) -> Iterator[None]:
        """KubeSpawner's own code sees what was decided here; nothing else runs meanwhile."""
        configured, chosen = self.profile_list, self.user_options
        self.profile_list, self.user_options = entries, options
        try:
            yield
        finally:
            self.profile_list, self.user_options = configured, chosen

    def apply_profile(self, profile: Profile, tag: str) -> None:
        """Requests equal limits: what a pod may use is set aside for it, and charged."""
        if self._has_list_of_its_own:  # its sizes are KubeSpawner's to apply; ours are for judging
            profile = replace(profile, milli_cpu=None, memory=None)
        super().apply_profile(profile, tag)
        if profile.milli_cpu is not None:
            self.cpu_guarantee = profile.milli_cpu / 1000
        if profile.memory is not None:
            self.mem_guarantee = profile.memory
        for overrides in profile.overrides:
            self._apply_overrides(copy.deepcopy(dict(overrides)))

    async def _delete_home(self) -> bool:
        """KubeSpawner has deleted the user's volume by now, if it is one of its own."""
        return await super()._delete_home() or bool(self.storage_pvc_ensure and self.delete_pvc)

    def apply_language(self, tag: str) -> None:
        """JupyterLab's settings come with the pod: annotations that a volume shows as files."""
        super().apply_language(tag)
        items = []
        annotations = {}
        for name, text in lab.settings_files(tag).items():
            annotation = f"jupyterhub-communities/{Path(name).name}"
            # KubeSpawner expands {username} and the like here: braces are doubled.
            annotations[annotation] = text.replace("{", "{{").replace("}", "}}")
            field = {"fieldPath": f"metadata.annotations['{annotation}']"}
            items.append({"path": name, "fieldRef": field})
        self.extra_annotations = {**self.extra_annotations, **annotations}
        self._lab_volume = {"name": LAB_VOLUME, "downwardAPI": {"items": items}}
        self._mount_lab_settings()
        others = self.environment.get("JUPYTER_CONFIG_PATH")
        parts = [LAB_FOLDER, others] if isinstance(others, str) else [LAB_FOLDER]
        self.environment = {**self.environment, "JUPYTER_CONFIG_PATH": ":".join(parts)}

    def _mount_lab_settings(self) -> None:
        if self._lab_volume is not None:
            mount = {"name": LAB_VOLUME, "mountPath": LAB_FOLDER, "readOnly": True}
            self.volumes = _with(self.volumes, self._lab_volume)
            self.volume_mounts = _with(self.volume_mounts, mount)


class CommunityKubeSpawner(CommunityKubeSpawnerMixin, KubeSpawner):
    """KubeSpawner with community quotas, profiles and languages."""


def _with(entries: Any, entry: dict[str, Any]) -> Any:
    """KubeSpawner's volumes or mounts, a list or a dict, with ours, once."""
    if isinstance(entries, dict):
        return {**entries, LAB_VOLUME: entry}
    return [*(known for known in entries if known["name"] != LAB_VOLUME), entry]


def with_slugs(listed: Any) -> list[Entry]:
    """The entries of a list, or of a dict in the order of its keys as KubeSpawner has them, each
    with the slug that KubeSpawner makes of its name: before it is translated."""
    entries = [listed[key] for key in sorted(listed)] if isinstance(listed, dict) else listed
    return [
        entry if "slug" in entry else {**entry, "slug": slugify(str(entry.get("display_name", "")))}
        for entry in entries or ()
    ]


def unknown_settings(catalogue: Catalogue, known: Collection[str]) -> Iterator[str]:
    """Keys of `kubespawner_override` that KubeSpawner would take without a word and never read."""
    for profile in catalogue.profiles:
        options = [option for choice in profile.choices for option in choice.options]
        for overrides in (*profile.overrides, *(option.overrides for option in options)):
            for key in overrides:
                if key not in known:
                    close = difflib.get_close_matches(key, known, n=1)
                    hint = f"; did you mean {close[0]}?" if close else ""
                    yield (
                        f"communities.yaml: profile {profile.slug}: kubespawner_override: "
                        f"KubeSpawner has no setting {key}{hint}"
                    )


def profile_entry(profile: Profile, messages: Messages, *, is_default: bool) -> Entry:
    texts = (profile.description(messages.tag), sizes(profile, messages))
    return {
        "slug": profile.slug,
        "display_name": str(escape(profile.name(messages.tag))),
        "description": str(escape(" ".join(text for text in texts if text))),
        "default": is_default,
        "kubespawner_override": {},
        "profile_options": {
            choice.slug: profile_option(choice, messages) for choice in profile.choices
        },
    }


def profile_option(choice: ProfileChoice, messages: Messages) -> Entry:
    """A choice as an entry of KubeSpawner's `profile_options`."""
    entry: Entry = {
        "display_name": str(escape(choice.name(messages.tag))),
        "choices": {
            option.slug: {
                "display_name": str(escape(option.name(messages.tag))),
                "default": option is choice.options[0],
                "kubespawner_override": {},
            }
            for option in choice.options
        },
    }
    if choice.other_image is not None:
        entry["unlisted_choice"] = {
            "enabled": True,
            "display_name": str(escape(messages.gettext("Name of the image"))),
            "display_name_in_choices": str(escape(messages.gettext("Another image"))),
            "validation_regex": f"^(?:{choice.other_image.allowed})$",
            "validation_message": str(escape(messages.gettext("This image is not allowed here."))),
            "kubespawner_override": {},
        }
    return entry
