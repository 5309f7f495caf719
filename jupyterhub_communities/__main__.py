"""`python -m jupyterhub_communities`: the same as the command `jupyterhub-communities`."""

import sys

from .cli import main

sys.exit(main())
