"""What alembic runs for each migration; `migrate.py` hands it the connection."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="schema_versions",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
