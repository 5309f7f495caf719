"""Alembic's migrations; `jupyterhub-communities upgrade-db` runs them."""
