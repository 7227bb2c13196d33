"""The health of the building tells whether moderation answers: only the columns that say so."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0013"
down_revision = "0012"

GRANTS = """
grant select (id, by, outcome) on moderations to mobile_api;
"""


def upgrade() -> None:
    execute_each(GRANTS)
