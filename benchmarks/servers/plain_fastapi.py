"""The two hot routes of the mobile API as a good team writes them without special care.

FastAPI with pydantic models for bodies and answers, an asyncpg pool, PyJWT for each request, a transaction of several
statements with the rules in Python. The same schema, the same rows, the same answers; no notification, so its outbox
would be polled.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt.algorithms import ECAlgorithm
from pydantic import BaseModel, ConfigDict, Field

from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls
from tatemono.domain.generations.generation import CREDITS_PER_PICTURE, Background, OutputFormat, Quality

MAX_WAITING = 100
PUBLIC_URL = os.environ["PUBLIC_URL"]
SIGNING_KEY: Any = ECAlgorithm.from_jwk(json.loads(os.environ["TOKEN_SIGNING_KEYS"])["keys"][0])
VERIFYING_KEY = SIGNING_KEY.public_key()
URLS = CloudFrontSignedUrls(PUBLIC_URL, os.environ["PICTURE_URL_KEY_ID"], os.environ["PICTURE_URL_KEY"])
URL_LIFETIME = timedelta(minutes=15)


class GenerationRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[str, Field(min_length=1, max_length=4000)]
    style: Annotated[str | None, Field(max_length=40)] = None
    size: Literal["1024x1024", "1024x1536", "1536x1024"] = "1024x1024"
    quality: Quality = Quality.MEDIUM
    output_format: OutputFormat = OutputFormat.PNG
    background: Background = Background.AUTO
    n: Annotated[int, Field(ge=1, le=4)] = 1

    @property
    def price(self) -> int:
        one = CREDITS_PER_PICTURE[self.quality]
        return (one if self.size == "1024x1024" else one + one // 2) * self.n

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).digest()


class Picture(BaseModel):
    id: UUID
    generation_id: UUID
    prompt: str
    url: str
    thumbnail_url: str
    urls_expire_at: datetime
    width: int
    height: int
    size_bytes: int
    content_type: str
    thumbhash: str
    created_at: datetime


class Generation(BaseModel):
    id: UUID
    state: str
    prompt: str
    style: str | None
    size: str
    quality: Quality
    output_format: OutputFormat
    background: Background
    n: int
    price_credits: int
    failure: str | None
    position: int | None = None
    pictures: list[Picture] = []
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class PicturePage(BaseModel):
    items: list[Picture]
    next_cursor: UUID | None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


def get_pool(request: Request) -> Any:
    return request.app.state.pool


def get_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> UUID:
    try:
        claims = jwt.decode(
            credentials.credentials, VERIFYING_KEY, ["ES256"], audience="tatemono-mobile-api", issuer=PUBLIC_URL
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401, "Sign in again") from error
    return UUID(claims["sub"])


Pool = Annotated[Any, Depends(get_pool)]
UserId = Annotated[UUID, Depends(get_user_id)]


@app.post("/v1/api/generations", status_code=201)
async def submit_generation(
    body: GenerationRequest,
    response: Response,
    pool: Pool,
    user_id: UserId,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=255)],
) -> Generation:
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "select * from generations where user_id = $1 and idempotency_key = $2", user_id, idempotency_key
        )
        if row is not None and row["fingerprint"] != body.fingerprint:
            raise HTTPException(422, "This key belongs to another request")
        if row is None:
            row = await add_generation(connection, user_id, idempotency_key, body)
    response.headers["Location"] = f"/v1/api/generations/{row['id']}"
    return Generation(**row, price_credits=row["price"], failure=row["failure_code"])


async def add_generation(connection: Any, user_id: UUID, key: str, body: GenerationRequest) -> Any:
    account = await connection.fetchrow("select available, queued from accounts where user_id = $1 for update", user_id)
    if account["available"] < body.price:
        raise HTTPException(429, "Out of credits")
    if account["queued"] >= MAX_WAITING:
        raise HTTPException(429, "Too many are waiting")
    await connection.execute(
        "update accounts set available = available - $2, held = held + $2, queued = queued + 1 where user_id = $1",
        user_id,
        body.price,
    )
    row = await connection.fetchrow(
        """insert into generations
            (user_id, idempotency_key, price, prompt, style, size, quality, output_format, background, n, fingerprint)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning *""",
        *(user_id, key, body.price, body.prompt, body.style, body.size, body.quality),
        *(body.output_format, body.background, body.n, body.fingerprint),
    )
    await connection.execute(
        """insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
        values ($1, $2, 'available', 'held', $3)""",
        *(user_id, row["id"], body.price),
    )
    await connection.execute("insert into outbox (queue, body) values ('image-jobs', $1)", str(row["id"]))
    return row


@app.get("/v1/api/pictures")
async def list_pictures(
    pool: Pool, user_id: UserId, cursor: UUID | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> PicturePage:
    rows = await pool.fetch(
        """select p.*, encode(p.thumbhash, 'base64') as thumbhash_text, g.prompt
        from pictures p join generations g on g.id = p.generation_id
        where p.user_id = $1 and p.deleted_at is null and ($2::uuid is null or p.id < $2)
        order by p.id desc limit $3""",
        *(user_id, cursor, limit + 1),
    )
    expires_at = datetime.now(UTC).replace(microsecond=0) + URL_LIFETIME
    items = [
        Picture(
            **dict(row)
            | {
                "url": URLS.sign(f"/{row['object_key']}", expires_at),
                "thumbnail_url": URLS.sign(f"/{row['thumbnail_key']}", expires_at),
                "urls_expire_at": expires_at,
                "thumbhash": row["thumbhash_text"],
            }
        )
        for row in rows[:limit]
    ]
    return PicturePage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)
