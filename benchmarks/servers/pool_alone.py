"""The mobile API on asyncpg's pool alone: each statement borrows a connection and gives it back."""

from typing import Any

from tatemono.adapters.postgres import database
from tatemono.entrypoints.mobile_api.__main__ import main


class PoolAlone:
    """In the place of `ConnectionCache`, with the pool's own methods."""

    def __init__(self, pool: Any, _size: int) -> None:
        self.fetchrow, self.fetchval, self.fetch = pool.fetchrow, pool.fetchval, pool.fetch
        self.execute, self.executemany = pool.execute, pool.executemany
        self.connection, self.close = pool.acquire, pool.close


if __name__ == "__main__":
    database.ConnectionCache = PoolAlone  # type: ignore[attr-defined, assignment]
    main()
