"""How a service signs in to RDS without a password: with a token that IAM vouches for (docs/adr/0027)."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit

_RDS = ".rds.amazonaws.com"


def password_for(dsn: str) -> Callable[[], Awaitable[str]] | None:
    """What asyncpg is given as `password`: a new token for each connection to RDS whose string has no password.

    None leaves it to the string. The role needs `rds_iam`, the caller leave for `rds-db:connect`.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
    """
    parts = urlsplit(dsn)
    host = parts.hostname or ""
    if parts.password is not None or not host.endswith(_RDS):
        return None
    # <database>.<account's>.<region>.rds.amazonaws.com
    region = host.removesuffix(_RDS).rpartition(".")[2]
    port, user = parts.port or 5432, unquote(parts.username or "")

    async def token() -> str:
        # Signing needs no network, but the task's own credentials may have to be fetched first.
        return await asyncio.to_thread(_token, region, host, port, user)

    return token


def _token(region: str, host: str, port: int, user: str) -> str:
    import botocore.session  # noqa: PLC0415 - it takes 0.2 s, and only services on RDS need it

    client = botocore.session.get_session().create_client("rds", region_name=region)
    token: str = client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
    return token
