"""What was spent, in money: by the prices that the operator has set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from .units import CPU_TIME, GPU_TIME, MEMORY_TIME, SERVER_TIME, Amounts, gpu_kind, kind_of

_HOUR = 3600  # seconds
# How many base units there are in what has a price: a server, a processor, a GiB, a GPU for an hour.
_UNITS = {
    SERVER_TIME: _HOUR,
    CPU_TIME: _HOUR * 1000,
    MEMORY_TIME: _HOUR * 2**20,
    GPU_TIME: _HOUR,
}


@dataclass(frozen=True, slots=True)
class Prices:
    """For an hour of each. What has no price costs nothing."""

    currency: str  # ISO 4217
    server: Decimal = Decimal(0)
    cpu: Decimal = Decimal(0)
    gib: Decimal = Decimal(0)  # of memory
    gpus: Mapping[str, Decimal] = field(default_factory=dict)  # by kind

    def of(self, resource: str) -> Decimal:
        if kind_of(resource) == GPU_TIME:
            return self.gpus.get(gpu_kind(resource), Decimal(0))
        return {SERVER_TIME: self.server, CPU_TIME: self.cpu, MEMORY_TIME: self.gib}.get(
            resource, Decimal(0)
        )


def cost_of(spent: Amounts, prices: Prices) -> Decimal:
    """To the millionth; summed up before it is rounded."""
    total = sum(
        (
            Fraction(amount, _UNITS[kind_of(resource)]) * Fraction(prices.of(resource))
            for resource, amount in spent.items()
        ),
        Fraction(0),
    )
    return Decimal(round(total * 10**6)).scaleb(-6)
