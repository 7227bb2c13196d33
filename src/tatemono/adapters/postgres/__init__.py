"""PostgreSQL: plain SQL with asyncpg, one file per aggregate."""
