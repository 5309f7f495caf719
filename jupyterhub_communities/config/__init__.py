"""The operator's file, `communities.yaml`.

Everything is checked when the file is read, never at sign-in or spawn.
"""

from .file import CommunitiesFile, json_schema
from .reading import ConfigError, line_of, load_config

__all__ = ["CommunitiesFile", "ConfigError", "json_schema", "line_of", "load_config"]
