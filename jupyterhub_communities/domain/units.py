"""Units: what amounts of each resource are counted in, read and written exactly.

All amounts are integers in base units, and none passes through a float:

=====================  ==========================================  =====================
resource               base unit                                   written
=====================  ==========================================  =====================
`servers`              one server                                  `30`
`cpu`                  a thousandth of a processor                 `2`, `1500m`
`memory`, `storage`    one byte                                    `512Mi`, `2G`
`gpu.KIND`             one GPU of that kind                        `1`
`server-time`          one server for a second                     `100 server-hours`
`cpu-time`             a thousandth of a processor for a second    `40 cpu-hours`
`memory-time`          1024 bytes for a second                     `500 GiB-hours`
`gpu-time.KIND`        one GPU for a second                        `8 gpu-hours`
=====================  ==========================================  =====================

The first four are held at one time, the others are spent over a window. Suffixes are Kubernetes':
`K` (or `k`), `M`, `G`, `T`, `P` and `E` are powers of 1000, `Ki` to `Ei` of 1024, and `512m` is no
size. Memory time is counted in KiB: in bytes a terabyte held for four months would not fit the 64
bits of a database's integer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from fractions import Fraction

from .communities import is_slug

SERVERS, CPU, MEMORY, STORAGE = "servers", "cpu", "memory", "storage"
SERVER_TIME, CPU_TIME, MEMORY_TIME = "server-time", "cpu-time", "memory-time"
GPU, GPU_TIME = "gpu", "gpu-time"  # before a dot and the kind

Amounts = Mapping[str, int]  # resource → amount in its base unit

MOST = 2**63 - 1  # what a database's integer holds
KIBIBYTE = 1024

_NUMBER = r"[0-9]{1,19}(?:\.[0-9]{1,9})?"
_SUFFIXES = {"": 1, "k": 1000}
_SUFFIXES |= {suffix: 1000**n for n, suffix in enumerate("KMGTPE", 1)}
_SUFFIXES |= {f"{suffix}i": 1024**n for n, suffix in enumerate("KMGTPE", 1)}
_SIZE = re.compile(rf"({_NUMBER})\s*([kKMGTPE]|[KMGTPE]i)?B?")
_CPU = re.compile(rf"({_NUMBER})(m?)")
_TIMES = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_SPENT = re.compile(rf"({_NUMBER})\s*(\w+)-({'|'.join(_TIMES)})s?")
_ISO = re.compile(
    rf"P(?:({_NUMBER})W)?(?:({_NUMBER})D)?(?:T(?=[0-9])(?:({_NUMBER})H)?(?:({_NUMBER})M)?"
    rf"(?:({_NUMBER})S)?)?"
)
_SHORT = re.compile(
    r"\s*".join(
        rf"(?:({_NUMBER})\s*{unit}(?![a-z]))?"
        for unit in ("w(?:eeks?)?", "d(?:ays?)?", "h(?:ours?)?", "m(?:in(?:utes?)?)?")
    )
    + rf"\s*(?:({_NUMBER})\s*s(?:ec(?:onds?)?)?)?"
)
_LONGEST = 36_500 * 86_400  # seconds; more is a typing error
_STRETCHES = (604_800, 86_400, 3600, 60, 1)  # seconds of what both patterns find, in their order


def gpu(kind: str) -> str:
    """The resource that GPUs of a kind are; a kind is a slug, such as `a100`."""
    if not is_slug(kind):
        raise ValueError("expected a kind of GPU as a slug, such as a100")
    return f"{GPU}.{kind}"


def kind_of(resource: str) -> str:
    """The resource without a GPU's kind: `gpu` for `gpu.a100`."""
    return resource.partition(".")[0]


def gpu_kind(resource: str) -> str:
    """`a100` for `gpu.a100` and `gpu-time.a100`; empty for what has no kinds."""
    return resource.partition(".")[2]


def is_resource(name: str) -> bool:
    """Whether there is such a resource."""
    kind = gpu_kind(name)
    if kind_of(name) in (GPU, GPU_TIME):
        return is_slug(kind)
    return name in (SERVERS, CPU, MEMORY, STORAGE, SERVER_TIME, CPU_TIME, MEMORY_TIME)


def is_spent(resource: str) -> bool:
    """Whether it is spent over a window; else it is held at one time."""
    return kind_of(resource) in (SERVER_TIME, CPU_TIME, MEMORY_TIME, GPU_TIME)


def spent_each_second(held: Amounts) -> dict[str, int]:
    """What a second of holding this spends. A lease has its memory in whole KiB; of any other, what is begun counts."""
    spent = {}
    for resource, amount in held.items():
        if resource == SERVERS:
            spent[SERVER_TIME] = amount
        elif resource == CPU:
            spent[CPU_TIME] = amount
        elif resource == MEMORY:
            spent[MEMORY_TIME] = -(-amount // KIBIBYTE)
        elif kind_of(resource) == GPU:
            spent[f"{GPU_TIME}.{gpu_kind(resource)}"] = amount
    return spent


# Reading. Each raises `ValueError` that says what was expected.


def read_count(value: object) -> int:
    """A whole number from `30`."""
    return _whole(re.fullmatch(r"[0-9]{1,19}", _text(value)), "expected a whole number such as 30")


def read_size(value: object) -> int:
    """Bytes from `512M`, `2G`, `2Gi`, `1.5GiB`."""
    match = _SIZE.fullmatch(_text(value))
    factor = _SUFFIXES[match[2] or ""] if match else 1
    return _whole(match, "expected a size such as 512M, 2G or 2Gi", factor)


def read_cpu(value: object) -> int:
    """Thousandths of a processor from `1`, `0.5` or `500m`."""
    match = _CPU.fullmatch(_text(value))
    factor = 1 if match and match[2] else 1000
    return _whole(match, "expected processors such as 1, 0.5 or 500m", factor)


def read_duration(value: object) -> timedelta:
    """Whole seconds from `8h`, `1h 30m`, `2 days` or ISO 8601's `PT8H`. A day has 24 hours, a number
    alone says nothing, and months and years differ in length: they are refused."""
    expected = "expected a duration such as 8h, 90m, 2 days or PT8H"
    text = _text(value)
    match = _ISO.fullmatch(text) or _SHORT.fullmatch(text.lower())
    if match is None or not any(match.groups()):
        raise ValueError(expected)
    parts = zip(match.groups(), _STRETCHES, strict=True)
    seconds = sum(Fraction(number) * length for number, length in parts if number)
    if seconds.denominator != 1 or seconds > _LONGEST:
        raise ValueError(expected)
    return timedelta(seconds=int(seconds))


def read_amount(resource: str, value: object) -> int:
    """An amount of this resource, in its base unit."""
    if is_spent(resource):
        return _read_spent(resource, value)
    reader = _READERS.get(kind_of(resource))
    if reader is None or not is_resource(resource):
        raise ValueError(f"expected a resource, not {resource}")
    return reader(value)


def _read_spent(resource: str, value: object) -> int:
    expected = f"expected an amount such as {_EXAMPLES[kind_of(resource)]}"
    match = _SPENT.fullmatch(_text(value))
    if match is None:
        raise ValueError(expected)
    factor: Fraction | None = None
    if kind_of(resource) == MEMORY_TIME:
        size = re.fullmatch(r"([kKMGTPE]|[KMGTPE]i)B?", match[2])
        factor = Fraction(_SUFFIXES[size[1]], KIBIBYTE) if size else None
    elif match[2].lower() == kind_of(resource).removesuffix("-time"):
        factor = Fraction(1000 if resource == CPU_TIME else 1)
    if factor is None:
        raise ValueError(expected)
    return _whole(match, expected, factor * _TIMES[match[3]])


def _text(value: object) -> str:
    # A number of YAML's is taken as it was typed; True is none.
    return "" if isinstance(value, bool) else str(value).strip()


def _whole(match: re.Match[str] | None, expected: str, factor: Fraction | int = 1) -> int:
    """The number that a match begins with, times `factor`, where that comes out even."""
    if match is None:
        raise ValueError(expected)
    amount = Fraction(match[1] if match.re.groups else match[0]) * factor
    if amount.denominator != 1:
        raise ValueError(expected)
    if amount > MOST:
        raise ValueError(f"{expected}, and less than that")
    return int(amount)


_READERS: dict[str, Callable[[object], int]] = {
    SERVERS: read_count,
    CPU: read_cpu,
    MEMORY: read_size,
    STORAGE: read_size,
    GPU: read_count,
}
_EXAMPLES = {
    SERVERS: "30",
    CPU: "1.5",
    MEMORY: "2G",
    STORAGE: "100G",
    GPU: "1",
    SERVER_TIME: "100 server-hours",
    CPU_TIME: "40 cpu-hours",
    MEMORY_TIME: "500 GiB-hours",
    GPU_TIME: "8 gpu-hours",
}


def example_of(resource: str) -> str:
    """How an amount of this resource may be written."""
    return _EXAMPLES[kind_of(resource)]


# Writing, so that reading gives the same amount


def write_size(size: int) -> str:
    """By the suffix that leaves the shortest whole number: `512Mi`, `2G`, `1500`."""
    suffixes = [(factor, suffix) for suffix, factor in _SUFFIXES.items() if suffix != "k"]
    factor, suffix = max(one for one in suffixes if one[0] == 1 or (size and size % one[0] == 0))
    return f"{size // factor}{suffix}"


def write_cpu(milli: int) -> str:
    """As Kubernetes does: `2`, `1500m`."""
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def write_duration(duration: timedelta) -> str:
    """By ISO 8601, in days and smaller: `P1DT2H`; what is below a second is left out."""
    minutes, seconds = divmod(duration // timedelta(seconds=1), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(hours, "H"), (minutes, "M"), (seconds, "S")]
    times = "".join(f"{number}{unit}" for number, unit in parts if number)
    if not times:
        return f"P{days}D" if days else "PT0S"
    return (f"P{days}D" if days else "P") + f"T{times}"


def write_amount(resource: str, amount: int) -> str:
    """An amount as `read_amount` reads it. Raises `ValueError` for what is no resource."""
    if not is_resource(resource):
        raise ValueError(f"expected a resource, not {resource}")
    kind = kind_of(resource)
    if kind == CPU:
        return write_cpu(amount)
    if kind in (MEMORY, STORAGE):
        return write_size(amount)
    if not is_spent(resource):
        return str(amount)
    milli = 1000 if kind == CPU_TIME else 1
    length, time = next(
        (length, time)
        for time, length in (("hours", 3600), ("minutes", 60), ("seconds", 1))
        if length == 1 or amount % (length * milli) == 0
    )
    if kind == MEMORY_TIME:
        suffix = next(s for s in ("Ti", "Gi", "Mi", "Ki") if _is_even(amount, length, s))
        return f"{amount * KIBIBYTE // (length * _SUFFIXES[suffix])} {suffix}B-{time}"
    number, rest = divmod(amount // length, milli)
    fraction = f".{rest:03}".rstrip("0") if rest else ""
    return f"{number}{fraction} {kind.removesuffix('-time')}-{time}"


def _is_even(amount: int, length: int, suffix: str) -> bool:
    return suffix == "Ki" or amount * KIBIBYTE % (length * _SUFFIXES[suffix]) == 0
