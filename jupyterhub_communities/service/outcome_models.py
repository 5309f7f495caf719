"""What the API takes and answers about outcomes: training, questions, numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..application import feedback, numbers, training, transparency
from ..domain.feedback import SCORES, Feedback, Followed, read_missing
from .answers import Answer, RoleLabel, Time, label
from .models import Body

FollowedLabel = Literal["yes", "partly", "no"]


# Training


class PromiseBody(Body):
    """`PUT communities/{c}/workshops/{w}/promise`."""

    role: Literal["helper", "instructor"]


class GiveBody(Body):
    """`POST communities/{c}/workshops/{w}/training`: who completed it."""

    usernames: list[Annotated[str, Field(max_length=255)]] = Field(
        min_length=1, max_length=training.MOST_AT_ONCE
    )


class Trainee(Answer):
    username: str
    display_name: str
    role: RoleLabel | None = Field(description="At the community itself.")
    due: bool = Field(description="The promised role is more than that.")
    given_at: Time | None
    given_by: str | None

    @classmethod
    def of(cls, one: training.Trainee) -> Trainee:
        return cls(
            username=one.account.username,
            display_name=one.account.display_name,
            role=None if one.held is None else label(one.held),
            due=one.is_due,
            given_at=one.given_at,
            given_by=None if one.given_by is None else one.given_by.display_name,
        )


class Given(Answer):
    given: list[str] = Field(description="The usernames of those who did not have the role.")


class Training(Answer):
    username: str | None  # of somebody erased
    display_name: str | None
    role: RoleLabel
    workshop: str
    trained_by: str | None
    at: Time

    @classmethod
    def of(cls, one: training.Trained) -> Training:
        return cls(
            username=None if one.person is None else one.person.username,
            display_name=None if one.person is None else one.person.display_name,
            role=label(one.training.role),
            workshop=one.training.workshop,
            trained_by=None if one.by is None else one.by.display_name,
            at=one.training.at,
        )


# Questions


class FeedbackBody(Body):
    """`POST communities/{c}/workshops/{w}/questions`."""

    useful: Annotated[int, Field(ge=SCORES[0], le=SCORES[-1])]
    followed: FollowedLabel
    missing: str = Field("", max_length=5000)

    def feedback(self) -> Feedback:
        return Feedback(self.useful, Followed(self.followed), read_missing(self.missing))


class Questions(Answer):
    workshop: str
    state: Literal["open", "answered", "closed"]


class Results(Answer):
    """Numbers below 5 are null."""

    workshop: str
    told: bool
    told_at: Time  # at the latest
    answers: int | None
    useful: dict[str, int | None]
    followed: dict[str, int | None]
    missing: list[str]

    @classmethod
    def of(cls, found: feedback.Results) -> Results:
        return cls(
            workshop=found.workshop.slug,
            told=found.is_told,
            told_at=found.told_at,
            answers=found.answers,
            useful={str(score): n for score, n in (found.useful or {}).items()},
            followed={how.value: n for how, n in (found.followed or {}).items()},
            missing=[*found.missing],
        )


# Numbers


class Cost(Answer):
    amount: str
    currency: str


class Numbers(Answer):
    community: str
    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    workshops: int
    people: int
    sites: int
    countries: dict[str, int]
    languages: dict[str, int]
    taught: int  # seconds
    server_time: int  # seconds
    instructors: int
    helpers: int
    cost: Cost | None

    @classmethod
    def of(cls, found: numbers.Numbers) -> Numbers:
        cost = found.cost
        return cls(
            community=found.community.slug,
            start=found.period.start,
            end=found.period.end,
            workshops=len(found.workshops),
            people=found.people,
            sites=found.sites,
            countries=dict(found.countries),
            languages=dict(found.languages),
            taught=int(found.taught.total_seconds()),
            server_time=int(found.server_time.total_seconds()),
            instructors=found.instructors,
            helpers=found.helpers,
            cost=None
            if cost is None
            else Cost(amount=f"{cost.amount:.2f}", currency=cost.currency),
        )


# In the open


class PublicBody(Body):
    """`PUT communities/{c}/transparency`."""

    public: bool


class Month(Answer):
    start: Time = Field(alias="from")
    actions: dict[str, int | None]


class Transparency(Answer):
    """Numbers of people, and of changes, below 5 are null."""

    community: str
    public: bool
    champions: list[str] = Field(description="The names of those who agreed.")
    limits: dict[str, int]
    spent: dict[str, int] = Field(description="In the last 30 days, in whole base units.")
    workshops: int = Field(description="Held in the last 365 days.")
    people: int | None
    months: list[Month]

    @classmethod
    def of(cls, found: transparency.Openness) -> Transparency:
        return cls(
            community=found.community.slug,
            public=found.is_public,
            champions=[*found.champions],
            limits=dict(found.limits),
            spent=dict(found.spent),
            workshops=found.workshops,
            people=found.people,
            months=[Month(start=at, actions=dict(one)) for at, one in found.months.items()],
        )
