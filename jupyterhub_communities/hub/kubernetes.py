"""Communities on Kubernetes, through KubeSpawner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubespawner import KubeSpawner
from markupsafe import escape
from traitlets import default

from ..application.leases import start_choices
from ..domain.profiles import Option, Profile, ProfileChoice
from ..domain.refusals import ProfileNotOffered, StorageUnreachable
from ..domain.texts import in_language
from ..i18n.messages import Messages
from ..pages.language import current_messages
from . import lab
from .options import sizes
from .spawner import CommunitySpawnerMixin

LAB_VOLUME = "jupyterhub-communities-lab"
LAB_FOLDER = "/etc/jupyterhub-communities/lab"


class CommunityKubeSpawnerMixin(CommunitySpawnerMixin):
    """What KubeSpawner has beyond other Spawners: guarantees, images, and its `profile_list`.

    Where a `profile_list` is configured, KubeSpawner draws its own form and applies it. The list may
    come from the same catalogue: `c.KubeSpawner.profile_list = lambda spawner:
    spawner.profile_entries()`.
    """

    extra_annotations: dict[str, str]
    volumes: Any
    volume_mounts: Any

    @default("lab_settings_dir")
    def _default_lab_settings_dir(self) -> str:
        return ""  # a folder of the Hub's machine: the pod has one of its own

    @default("options_form")
    def _default_options_form(self) -> Any:
        if self.profile_list:
            return super()._options_form_default()
        return type(self)._draw_options_form

    @default("options_from_form")
    def _default_options_from_form(self) -> Any:
        if self.profile_list:
            return super()._options_from_form
        return super()._default_options_from_form()

    async def load_user_options(self) -> None:
        """KubeSpawner's own profiles, where there are any; ours have been applied by then."""
        if not self.profile_list:
            return
        try:
            await super().load_user_options()
        except ValueError as error:  # an entry or an option that the list has not, or not for them
            self.log.info(
                "%s asked for what profile_list does not offer: %s", self._log_name, error
            )
            raise await self._refused(ProfileNotOffered()) from None

    def apply_profile(self, profile: Profile, tag: str) -> None:
        """Requests equal limits: what the machine sets aside is what the community is charged."""
        super().apply_profile(profile, tag)
        if profile.milli_cpu is not None:
            self.cpu_guarantee = profile.milli_cpu / 1000
        if profile.memory is not None:
            self.mem_guarantee = profile.memory

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
        self.volumes = _with(self.volumes, {"name": LAB_VOLUME, "downwardAPI": {"items": items}})
        self.volume_mounts = _with(
            self.volume_mounts, {"name": LAB_VOLUME, "mountPath": LAB_FOLDER, "readOnly": True}
        )
        others = self.environment.get("JUPYTER_CONFIG_PATH")
        parts = [LAB_FOLDER, others] if isinstance(others, str) else [LAB_FOLDER]
        self.environment = {**self.environment, "JUPYTER_CONFIG_PATH": ":".join(parts)}

    async def profile_entries(self) -> list[dict[str, Any]]:
        """The catalogue as KubeSpawner's `profile_list`, in the reader's language.

        Slugs are stable: a translation breaks no saved option. Texts are escaped, which
        KubeSpawner leaves to its configuration.
        """
        try:
            choices = await self._house.run(start_choices, self.user.name)
        except StorageUnreachable:
            return []  # the start itself says so, or does without
        messages = current_messages()
        entries: dict[str, dict[str, Any]] = {}
        for choice in choices:
            for profile in choice.profiles:
                texts = (profile.description(messages.tag), sizes(profile, messages))
                entries[profile.slug] = {
                    "slug": profile.slug,
                    "display_name": str(escape(profile.name(messages.tag))),
                    "description": str(escape(" ".join(text for text in texts if text))),
                    "default": profile.slug == choices[0].preferred_profile,
                    "kubespawner_override": kubespawner_override(profile, messages.tag),
                    "profile_options": {
                        inner.slug: profile_option(inner, messages) for inner in profile.choices
                    },
                }
        return list(entries.values())


class CommunityKubeSpawner(CommunityKubeSpawnerMixin, KubeSpawner):
    """KubeSpawner with community quotas, profiles and languages."""


def _with(entries: Any, entry: dict[str, Any]) -> Any:
    """KubeSpawner's volumes or mounts, a list or a dict, with ours, once."""
    if isinstance(entries, dict):
        return {**entries, LAB_VOLUME: entry}
    return [*(known for known in entries if known["name"] != LAB_VOLUME), entry]


def kubespawner_override(profile: Profile | Option, tag: str) -> dict[str, Any]:
    """What a profile, or an option of it, sets, in KubeSpawner's own words."""
    override: dict[str, Any] = {}
    if profile.milli_cpu is not None:
        override["cpu_limit"] = override["cpu_guarantee"] = profile.milli_cpu / 1000
    if profile.memory is not None:
        override["mem_limit"] = override["mem_guarantee"] = profile.memory
    if image := in_language(profile.images, tag):
        override["image"] = image
    return override


def profile_option(choice: ProfileChoice, messages: Messages) -> dict[str, Any]:
    """A choice as an entry of KubeSpawner's `profile_options`."""
    entry: dict[str, Any] = {
        "display_name": str(escape(choice.name(messages.tag))),
        "choices": {
            option.slug: {
                "display_name": str(escape(option.name(messages.tag))),
                "default": option is choice.options[0],
                "kubespawner_override": kubespawner_override(option, messages.tag),
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
            "kubespawner_override": {"image": "{value}"},
        }
    return entry
