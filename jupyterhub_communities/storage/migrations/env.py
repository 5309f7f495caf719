"""Alembic's entry: it works on the connection that `SqlDatabase.upgrade` hands it."""

from __future__ import annotations

from alembic import context

from jupyterhub_communities.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
