"""Strikes and what was taken down follow a guest into the account it is merged into."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0011"
down_revision = "0010"

GRANTS = """
grant update (user_id) on strikes to mobile_api;
grant select (picture_id, generation_id), update (user_id) on takedowns to mobile_api;
"""


def upgrade() -> None:
    execute_each(GRANTS)
