"""The section `quota`: what the hub or a community may hold at one time, and spend over a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from ..domain.borrowing import Share
from ..domain.ledger import Allowance
from ..domain.limits import Limit, Quota, Spending
from ..domain.units import (
    CPU,
    CPU_TIME,
    GPU_TIME,
    MEMORY,
    MEMORY_TIME,
    SERVER_TIME,
    SERVERS,
    STORAGE,
    gpu,
    read_amount,
)
from ..domain.windows import CalendarMonth, Rolling, Window, granted_since
from .values import Cpu, Section, Servers, ServersShared, Size, Slug

A = TypeVar("A")


def _alone(value: object) -> object:
    """An amount that stands alone is what the community owns."""
    return value if isinstance(value, dict) else {"nominal": value}


class HeldSection(Section, Generic[A]):
    """A resource that is held at one time."""

    nominal: A | None = Field(
        None,
        description="What the community owns: the most that it holds, unless it borrows from its "
        "cohort; and what its workshops may reserve. The same as writing the amount alone.",
    )
    may_borrow: A | None = Field(
        None, description="The most beyond `nominal`, of what others in its cohort do not use."
    )
    may_lend: A | None = Field(
        None, description="The most of `nominal` that others in its cohort may use meanwhile."
    )
    most: A | None = Field(None, description="The most at one time, borrowed or not.")
    each: A | Literal["equal"] | None = Field(
        None,
        description="The most of one person; `equal`: an equal part of it for all who have "
        "something at the time, and one server at least.",
    )

    @model_validator(mode="after")
    def _check_equal(self) -> HeldSection[A]:
        if self.each == "equal" and self.nominal is None and self.most is None:
            raise ValueError("expected an amount that can be shared equally")
        return self

    @model_validator(mode="after")
    def _check_share(self) -> HeldSection[A]:
        if self.has_share and self.nominal is None:
            raise ValueError("expected nominal beside may_borrow and may_lend")
        return self

    @property
    def has_share(self) -> bool:
        return self.may_borrow is not None or self.may_lend is not None

    def limit(self, *, is_in_cohort: bool) -> Limit:
        amounts: dict[str, Any] = self.model_dump()
        nominal, most, each = (amounts[name] for name in ("nominal", "most", "each"))
        share = None
        if is_in_cohort and nominal is not None:
            share = Share(nominal, amounts["may_borrow"], amounts["may_lend"])
        else:
            most = min((one for one in (nominal, most) if one is not None), default=None)
        is_equal = each == "equal"
        return Limit(most, None if is_equal else each, is_equal, share)


def _spent(resource: str) -> Callable[[object], int]:
    return lambda value: read_amount(resource, value)


def _window(value: object) -> object:
    """`month`, so many days, or the day that something was granted from."""
    text = str(value).strip()
    number, _, unit = text.partition(" ")
    if number.isdecimal() and unit in ("day", "days") and 0 < int(number) <= 36500:
        return text
    first, _, day = text.partition(" ")
    if text == "month" or (first == "since" and _is_day(day)):
        return text
    raise ValueError("expected a window such as 30 days, month or since 2026-01-31")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
        granted_since(text, "UTC")
    except ValueError:
        return False
    return True


class SpentSection(Section, Generic[A]):
    """A resource that is spent over a window."""

    limit: A = Field(description="What may be spent of it in that time.")
    window: Annotated[str, BeforeValidator(_window)] = Field(
        description="`30 days`: the last so many days; `month`: a month of the calendar; "
        "`since 2026-01-31`: everything from that day on."
    )
    each: bool = Field(False, description="Whether it is of one person, not of all together.")

    def spending(self, resource: str, zone: str) -> Spending:
        amount: Any = self.limit
        return Spending(resource, Allowance(amount, _read(self.window, zone)), is_each=self.each)


def _read(text: str, zone: str) -> Window:
    if text == "month":
        return CalendarMonth(zone)
    first, _, rest = text.partition(" ")
    if first == "since":
        return granted_since(rest, zone)
    return Rolling(int(first))


class ServersSection(HeldSection[Servers]):
    """Servers: a limit on them is one at least, what is shared of them may be none."""

    may_borrow: ServersShared | None = Field(
        None, description="The most beyond `nominal`, of what others in its cohort do not use."
    )
    may_lend: ServersShared | None = Field(
        None, description="The most of `nominal` that others in its cohort may use meanwhile."
    )


ServersHeld = Annotated[
    ServersSection,
    BeforeValidator(_alone, json_schema_input_type=Servers | ServersSection),
]
CpuHeld = Annotated[
    HeldSection[Cpu], BeforeValidator(_alone, json_schema_input_type=Cpu | HeldSection[Cpu])
]
SizeHeld = Annotated[
    HeldSection[Size], BeforeValidator(_alone, json_schema_input_type=Size | HeldSection[Size])
]
ServerTime = Annotated[int, BeforeValidator(_spent(SERVER_TIME), json_schema_input_type=str)]
CpuTime = Annotated[int, BeforeValidator(_spent(CPU_TIME), json_schema_input_type=str)]
MemoryTime = Annotated[int, BeforeValidator(_spent(MEMORY_TIME), json_schema_input_type=str)]
GpuTime = Annotated[int, BeforeValidator(_spent(f"{GPU_TIME}.any"), json_schema_input_type=str)]


class QuotaSection(Section):
    """What may be held at one time, and spent. What is not named is unlimited."""

    servers: ServersHeld | None = Field(None, description="Servers.")
    cpu: CpuHeld | None = Field(None, description="Processors: 16, 0.5 or 500m.")
    memory: SizeHeld | None = Field(None, description="Memory: 64Gi or 512M.")
    storage: SizeHeld | None = Field(None, description="Storage that servers set aside.")
    gpus: dict[Slug, ServersHeld] = Field({}, description="GPUs, by their kind.")
    server_time: tuple[SpentSection[ServerTime], ...] = Field(
        (), description="Server hours: `100 server-hours`."
    )
    cpu_time: tuple[SpentSection[CpuTime], ...] = Field(
        (), description="Processor hours: `40 cpu-hours`."
    )
    memory_time: tuple[SpentSection[MemoryTime], ...] = Field(
        (), description="Memory over time: `500 GiB-hours`."
    )
    gpu_time: dict[Slug, tuple[SpentSection[GpuTime], ...]] = Field(
        {}, description="GPU hours, by their kind: `8 gpu-hours`."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_one_as_many(cls, data: Any) -> Any:
        """One window may be written without a list."""
        if not isinstance(data, dict):
            return data
        read = dict(data)
        for name in ("server_time", "cpu_time", "memory_time"):
            if isinstance(read.get(name), Mapping):
                read[name] = [read[name]]
        if isinstance(read.get("gpu_time"), Mapping):
            read["gpu_time"] = {
                kind: [one] if isinstance(one, Mapping) else one
                for kind, one in read["gpu_time"].items()
            }
        return read

    @model_validator(mode="after")
    def _check_windows(self) -> QuotaSection:
        names = [one.name for one in self._spendings("UTC")]
        for name in names:
            if names.count(name) > 1:
                resource, _, kind = name[0].replace("-", "_").partition(".")
                what = f"{resource} of {kind}" if kind else resource
                raise ValueError(f"{what} has two limits over the same window")
        return self

    def with_share(self) -> Iterator[tuple[tuple[str, ...], HeldSection[Any]]]:
        """What says how it is lent and borrowed, by where it stands."""
        sections: dict[tuple[str, ...], HeldSection[Any] | None] = {
            ("servers",): self.servers,
            ("cpu",): self.cpu,
            ("memory",): self.memory,
            ("storage",): self.storage,
            **{("gpus", kind): section for kind, section in self.gpus.items()},
        }
        return ((where, one) for where, one in sections.items() if one and one.has_share)

    def quota(self, *, zone: str, is_in_cohort: bool = False) -> Quota:
        held = {SERVERS: self.servers, CPU: self.cpu, MEMORY: self.memory, STORAGE: self.storage}
        limits = {
            resource: section.limit(is_in_cohort=is_in_cohort)
            for resource, section in [*held.items(), *self._gpus()]
            if section is not None
        }
        return Quota(limits, tuple(self._spendings(zone)))

    def _gpus(self) -> Iterator[tuple[str, HeldSection[Any]]]:
        return ((gpu(kind), section) for kind, section in self.gpus.items())

    def _spendings(self, zone: str) -> Iterator[Spending]:
        spent: dict[str, tuple[SpentSection[Any], ...]] = {
            SERVER_TIME: self.server_time,
            CPU_TIME: self.cpu_time,
            MEMORY_TIME: self.memory_time,
            **{f"{GPU_TIME}.{kind}": sections for kind, sections in self.gpu_time.items()},
        }
        for resource, sections in spent.items():
            yield from (section.spending(resource, zone) for section in sections)
