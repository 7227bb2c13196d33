"""Creating an item as the widely used full-stack template for FastAPI does it, written from its description.

A synchronous endpoint, SQLModel with psycopg, a token signed with HS256, the user read from the database each time.
"""

import os
import uuid
from collections.abc import Iterator
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel
from sqlmodel import Field, Session, SQLModel, create_engine

SECRET_KEY = os.environ["TEMPLATE_SECRET_KEY"]
# A connection for each of the 40 threads that endpoints run in. With the usual 15 it can stop for good when clients
# hang up while it is slow: every thread waits for a connection, and those who hold one wait for a thread.
engine = create_engine(os.environ["TEMPLATE_DATABASE_URL"], pool_size=40, max_overflow=0)
oauth2 = OAuth2PasswordBearer(tokenUrl="/login")
app = FastAPI()


class User(SQLModel, table=True):  # type: ignore[misc, call-arg]  # SQLModel need not be there to check types
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    email: str = Field(unique=True, index=True, max_length=255)
    is_active: bool = True


class ItemCreate(SQLModel):  # type: ignore[misc]  # as above
    title: str = Field(min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=4000)


class Item(ItemCreate, table=True):  # type: ignore[call-arg]  # as above
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    owner_id: uuid.UUID = Field(foreign_key="user.id", nullable=False, ondelete="CASCADE")


class ItemPublic(ItemCreate):
    id: uuid.UUID
    owner_id: uuid.UUID


class TokenPayload(BaseModel):
    sub: str


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]


def get_current_user(session: SessionDep, token: Annotated[str, Depends(oauth2)]) -> User:
    try:
        payload = TokenPayload(**jwt.decode(token, SECRET_KEY, algorithms=["HS256"]))
    except (jwt.PyJWTError, ValueError) as error:
        raise HTTPException(403, "Could not validate credentials") from error
    user: User | None = session.get(User, uuid.UUID(payload.sub))
    if not user:
        raise HTTPException(404, "User not found")
    if not user.is_active:
        raise HTTPException(400, "Inactive user")
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


@app.post("/items/", response_model=ItemPublic)
def create_item(*, session: SessionDep, current_user: CurrentUser, item_in: ItemCreate) -> Item:
    item: Item = Item.model_validate(item_in, update={"owner_id": current_user.id})
    session.add(item)
    session.commit()
    session.refresh(item)
    return item
