"""Communities on Kubernetes, through KubeSpawner."""

from __future__ import annotations

from typing import Any

from kubespawner import KubeSpawner
from traitlets import default

from ..application.leases import start_choices
from ..domain.profiles import Profile
from ..pages.language import current_messages
from .options import sizes
from .spawner import CommunitySpawnerMixin


class CommunityKubeSpawnerMixin(CommunitySpawnerMixin):
    """What KubeSpawner has beyond other Spawners: guarantees, images, and its `profile_list`."""

    def apply_profile(self, profile: Profile) -> None:
        """Requests equal limits: what the machine sets aside is what the community is charged."""
        super().apply_profile(profile)
        if profile.milli_cpu is not None:
            self.cpu_guarantee = profile.milli_cpu / 1000
        if profile.memory is not None:
            self.mem_guarantee = profile.memory
        if profile.image is not None:
            self.image = profile.image

    def _language_environment(self, tag: str) -> dict[str, str]:
        environment = super()._language_environment(tag)
        environment.pop("JUPYTER_CONFIG_PATH", None)  # a folder of the Hub's machine, not the pod's
        return environment


class CommunityKubeSpawner(CommunityKubeSpawnerMixin, KubeSpawner):
    """KubeSpawner with community quotas, profiles and languages."""

    @default("options_form")
    def _default_options_form(self) -> Any:
        return CommunitySpawnerMixin._draw_options_form

    async def profile_entries(self) -> list[dict[str, Any]]:
        """The catalogue as KubeSpawner's `profile_list`, in the reader's language.

        For operators who draw KubeSpawner's own form: `c.KubeSpawner.profile_list =
        lambda spawner: spawner.profile_entries()`. Slugs are stable: a translation breaks nothing.
        """
        choices = await self._house.run(start_choices, self.user.name)
        messages = current_messages()
        entries = {}
        for choice in choices:
            for profile in choice.profiles:
                entries[profile.slug] = {
                    "slug": profile.slug,
                    "display_name": profile.name(messages.tag),
                    "description": " ".join(
                        text
                        for text in (profile.description(messages.tag), sizes(profile, messages))
                        if text
                    ),
                    "default": profile.slug == choice.preferred_profile,
                    "kubespawner_override": kubespawner_override(profile),
                }
        return list(entries.values())


def kubespawner_override(profile: Profile) -> dict[str, Any]:
    """A profile in KubeSpawner's own words."""
    override: dict[str, Any] = {}
    if profile.milli_cpu is not None:
        override["cpu_limit"] = override["cpu_guarantee"] = profile.milli_cpu / 1000
    if profile.memory is not None:
        override["mem_limit"] = override["mem_guarantee"] = profile.memory
    if profile.image is not None:
        override["image"] = profile.image
    return override
