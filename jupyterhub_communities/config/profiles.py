"""The section `profiles`: what a server can be started with, and by whom."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pydantic import Field

from ..domain.grants import Role
from ..domain.profiles import Option, OtherImage, Profile, ProfileChoice
from .values import Cpu, Gpus, Lessons, Pattern, Place, Section, Size, Slug, Tag, Texts


class Gate(TypedDict):
    """What every kind of `domain.profiles.Gated` has."""

    communities: frozenset[str]
    roles: frozenset[Role]
    workshops: frozenset[str]


class GatedSection(Section):
    """Whom something is offered to."""

    communities: tuple[Slug, ...] = Field((), description="Offered to these only; all if empty.")
    roles: tuple[Literal["learner", "helper", "instructor", "champion"], ...] = Field(
        (), description="Offered from the lowest of these roles up; to all if empty."
    )
    workshops: tuple[Place, ...] = Field(
        (), description="Offered in these workshops only, as `community/workshop`; in all if empty."
    )

    def gate(self) -> Gate:
        return {
            "communities": frozenset(self.communities),
            "roles": frozenset(Role.from_label(label) for label in self.roles),
            "workshops": frozenset(self.workshops),
        }


class SizedSection(Section):
    cpu: Cpu | None = Field(None, description="Processors: 1, 0.5 or 500m.")
    memory: Size | None = Field(None, description="Memory: 512M, 2G or 2Gi.")
    storage: Size | None = Field(
        None,
        description="Disk of the machine that a server takes while it runs, written like memory. It "
        "is counted, and no Spawner is told; homes are not meant.",
    )
    gpus: dict[Slug, Gpus] | None = Field(
        None,
        description="GPUs, by kinds of your own: `{a100: 1}`. They are counted, and no Spawner is "
        "told; for KubeSpawner see `kubespawner_override`. An option's go in place of all of the "
        "profile's.",
    )
    image: Texts = Field(
        {}, description="Container image, for Spawners that have one; may be one per language."
    )
    environment: dict[str, Texts] = Field(
        {}, description="Environment variables; each value may be one per language."
    )
    kubespawner_override: dict[str, Any] = Field(
        {},
        description="Settings of KubeSpawner, such as `node_selector` or `extra_resource_limits`; "
        "other Spawners leave them alone.",
    )


class OptionSection(GatedSection, SizedSection):
    """One option of a choice. What it sets goes before what the profile sets."""

    slug: Slug = Field(description="Its stable name; only this is stored.")
    name: Texts = Field(description="Its name, per language.", min_length=1)

    def option(self) -> Option:
        return Option(
            slug=self.slug,
            names=self.name,
            milli_cpu=self.cpu,
            memory=self.memory,
            storage=self.storage,
            gpus=self.gpus,
            images=self.image,
            environment=self.environment,
            overrides=self.kubespawner_override,
            **self.gate(),
        )


class OtherImageSection(GatedSection):
    """An image that the person names themselves."""

    allowed: Pattern = Field(
        description="A regular expression (Python's) that matches the whole name of the image."
    )


class ChoiceSection(Section):
    """What a person chooses within a profile."""

    slug: Slug = Field(description="Its stable name; only this is stored.")
    name: Texts = Field(description="Its name, per language.", min_length=1)
    options: tuple[OptionSection, ...] = Field((), description="The first one is chosen at first.")
    other_image: OtherImageSection | None = Field(
        None, description="Whether a person may name an image that is no option."
    )

    def choice(self) -> ProfileChoice:
        other = self.other_image
        return ProfileChoice(
            slug=self.slug,
            names=self.name,
            options=tuple(section.option() for section in self.options),
            other_image=None
            if other is None
            else OtherImage(allowed=other.allowed, **other.gate()),
        )


class ProfileSection(GatedSection, SizedSection):
    """One entry that a server can be started with."""

    slug: Slug = Field(description="Its stable name; only this is stored.")
    name: Texts = Field(description="Its name, per language.", min_length=1)
    description: Texts = Field({}, description="One sentence, per language.")
    lesson: Lessons = Field(
        {},
        description="What a server opens, per language: a path such as `/lab/tree/lesson.ipynb`.",
    )
    choices: tuple[ChoiceSection, ...] = Field(
        (), description="What a person chooses within it: a list for each."
    )
    former_slugs: tuple[Slug, ...] = Field(
        (), description="Slugs that it had: saved choices and links with them keep working."
    )
    lab_languages: tuple[Tag, ...] | None = Field(
        None,
        description="Languages that JupyterLab has a pack for in this image; people of others are "
        "told that it is in English. By default nothing is said.",
    )

    def profile(self) -> Profile:
        return Profile(
            slug=self.slug,
            names=self.name,
            descriptions=self.description,
            milli_cpu=self.cpu,
            memory=self.memory,
            storage=self.storage,
            gpus=self.gpus or {},
            default_urls=self.lesson,
            images=self.image,
            environment=self.environment,
            choices=tuple(section.choice() for section in self.choices),
            former_slugs=frozenset(self.former_slugs),
            lab_languages=self.lab_languages,
            overrides=(self.kubespawner_override,) if self.kubespawner_override else (),
            **self.gate(),
        )
