"""`python -m jupyterhub_communities.i18n.compile`: the `.mo` files, for builds."""

from __future__ import annotations

from .catalogues import compile_catalogues

if __name__ == "__main__":
    for path in compile_catalogues():
        print(path)
