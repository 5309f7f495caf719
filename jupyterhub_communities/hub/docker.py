"""Communities on Docker, through DockerSpawner."""

from __future__ import annotations

from traitlets.config import Config

from ..application.ports import Settings
from .spawner import CommunitySpawnerMixin, configured

KEPT_CONTAINERS = (
    "c.DockerSpawner.remove is False: a container that was stopped is started again as it was made, "
    "whatever profile is chosen and whoever it is for by then. Set c.DockerSpawner.remove = True; "
    "files that people keep have to be in a volume"
)


class CommunityDockerSpawnerMixin(CommunitySpawnerMixin):
    """What DockerSpawner does in its own way.

    Images are those of profiles. `allowed_images` belongs to DockerSpawner's own form, which ours
    takes the place of: it neither offers an image nor stands in the way of one.
    """

    @classmethod
    def mistakes_in(cls, c: Config, settings: Settings) -> list[str]:
        """A container that is kept would bring an earlier profile back, past every gate."""
        profiles = settings.catalogue.profiles
        is_chosen = len(profiles) > 1 or any(profile.choices for profile in profiles)
        keeps = cls.class_traits().get("remove") is not None  # SwarmSpawner always removes
        if is_chosen and keeps and not configured(cls, c, "remove"):
            return [KEPT_CONTAINERS]
        return super().mistakes_in(c, settings)
