"""Memory for batch schedulers, as each of them reads it.

BatchSpawner writes `req_memory` into the job script as it stands, and every scheduler has units of
its own: a size that one reads is refused by the next, or means another amount there.
"""

from __future__ import annotations

import math

MEBIBYTE = 2**20

# By the class in batchspawner whose job script it goes into; {} has mebibytes.
FORMATS = {
    "SlurmSpawner": "{}M",  # sbatch --mem
    "TorqueSpawner": "{}mb",  # qsub -l mem, also of Moab and PBS Pro, which derive from it
    "CondorSpawner": "{}",  # RequestMemory has mebibytes without a unit
    "GridengineSpawner": "{}M",  # M is 1024 kibibytes there, m would be 1000 kilobytes
}
# LSF is not among them: what a number means is set for the whole cluster (LSF_UNIT_FOR_LIMITS).


def memory_format(spawner_class: type) -> str | None:
    """How this class's scheduler writes mebibytes. None where that is not known."""
    for base in spawner_class.__mro__:
        if base.__name__ in FORMATS:
            return FORMATS[base.__name__]
    return None


def written(memory: int, form: str) -> str:
    """At least so many bytes."""
    return form.format(math.ceil(memory / MEBIBYTE))
