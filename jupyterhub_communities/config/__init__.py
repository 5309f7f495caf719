"""The operator's file, `communities.yaml`.

Everything is checked when the file is read, never at sign-in or spawn.
"""

from .file import CommunitiesFile, json_schema
from .reading import ConfigError, load_config

__all__ = ["CommunitiesFile", "ConfigError", "json_schema", "load_config"]
