"""Who started this process: the Hub, for its service.

Imported before anything that takes time: a Hub that has waited ten seconds for its service is gone by
the time that a slow machine has imported it.
"""

from __future__ import annotations

import os

STARTED_BY = os.getppid()
