"""What is blocked: words in prompts, and pictures by their difference hashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.safety.blocked_words import (
    MAX_BLOCKED_WORDS,
    BlockedWord,
    Locale,
    NoSuchPhrase,
    PhraseExists,
    TooManyPhrases,
    folded_phrase,
)
from tatemono.domain.safety.moderation import (
    SAME_PICTURE_BITS,
    HashClass,
    HashExists,
    HashNotTelling,
    NoSuchHash,
    is_telling,
)

_WORD = "id, locale, phrase, folded, note, created_by, created_at"
_HASH = "id, hash, class, note, picture_id, created_by, created_at"

p = Parameters("locale", "phrase", "folded", "note", "created_by", "max_words")
_ADD_WORD = Statement(
    p,
    f"""
insert into blocked_words (locale, phrase, folded, note, created_by)
select {p.locale}, {p.phrase}, {p.folded}, {p.note}, {p.created_by}
where (select count(*) from blocked_words) < {p.max_words} returning {_WORD}
""",
)

# What is unwanted may turn out to be illegal, never the other way round.
p = Parameters("hash", "hash_class", "note", "picture_id", "created_by")
_ADD_HASH = Statement(
    p,
    f"""
insert into blocked_hashes (hash, class, note, picture_id, created_by)
values ({p.hash}, {p.hash_class}, {p.note}, {p.picture_id}, {p.created_by})
on conflict (hash) do update set class = 'illegal'
    where excluded.class = 'illegal' and blocked_hashes.class <> 'illegal'
returning {_HASH}
""",
)

_MATCH = """
select hash, class from blocked_hashes, unnest($1::bigint[]) as seen
where bit_count((hash # seen)::bit(64)) <= $2 order by class limit 1
"""


@dataclass(frozen=True, slots=True)
class BlockedHash:
    """:ivar hash: 16 hexadecimal digits
    :ivar picture_id: of the picture whose takedown brought it here
    """

    id: UUID
    hash: str
    hash_class: HashClass
    note: str | None
    picture_id: UUID | None
    created_by: str
    created_at: datetime


class BlockedWordRows:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def all(self) -> list[BlockedWord]:
        rows = await self._executor.fetch(f"select {_WORD} from blocked_words order by locale, folded")
        return [_word(row) for row in rows]

    async def add(self, locale: Locale, phrase: str, note: str | None, *, by: str) -> BlockedWord:
        """
        :raises PhraseUnusable: it would be found everywhere or nowhere
        :raises PhraseExists: one that is read alike is there
        :raises TooManyPhrases: there are as many as are looked for quickly
        """
        statement = _ADD_WORD.bind(
            locale=locale,
            phrase=phrase,
            folded=folded_phrase(locale, phrase),
            note=note,
            created_by=by,
            max_words=MAX_BLOCKED_WORDS,
        )
        try:
            row = await self._executor.fetchrow(*statement)
        except asyncpg.UniqueViolationError as error:
            raise PhraseExists from error
        if row is None:
            raise TooManyPhrases(limit=MAX_BLOCKED_WORDS)
        return _word(row)

    async def remove(self, word_id: UUID) -> BlockedWord:
        """:raises NoSuchPhrase: there is none with this id"""
        row = await self._executor.fetchrow(f"delete from blocked_words where id = $1 returning {_WORD}", word_id)
        if row is None:
            raise NoSuchPhrase
        return _word(row)


class BlockedHashes:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def match(self, hashes: Sequence[int]) -> HashClass | None:
        row = await self._executor.fetchrow(_MATCH, [_signed(each) for each in hashes], SAME_PICTURE_BITS)
        return row and HashClass(row["class"])

    async def all(self, *, before: UUID | None, limit: int) -> list[BlockedHash]:
        """The newest first."""
        rows = await self._executor.fetch(
            f"select {_HASH} from blocked_hashes where $1::uuid is null or id < $1 order by id desc limit $2",
            before,
            limit,
        )
        return [_hash(row) for row in rows]

    async def add(
        self, difference_hash: int, hash_class: HashClass, note: str | None, *, by: str, picture_id: UUID | None = None
    ) -> BlockedHash:
        if not is_telling(difference_hash):
            raise HashNotTelling
        statement = _ADD_HASH.bind(
            hash=_signed(difference_hash), hash_class=hash_class, note=note, picture_id=picture_id, created_by=by
        )
        row = await self._executor.fetchrow(*statement)
        if row is None:
            raise HashExists
        return _hash(row)

    async def remove(self, hash_id: UUID) -> BlockedHash:
        """:raises NoSuchHash: there is none with this id"""
        row = await self._executor.fetchrow(f"delete from blocked_hashes where id = $1 returning {_HASH}", hash_id)
        if row is None:
            raise NoSuchHash
        return _hash(row)

    async def remove_of(self, picture_id: UUID) -> None:
        await self._executor.execute("delete from blocked_hashes where picture_id = $1", picture_id)


def _word(row: Any) -> BlockedWord:
    return BlockedWord(row["id"], Locale(row["locale"]), *tuple(row)[2:])


def _hash(row: Any) -> BlockedHash:
    return BlockedHash(row["id"], f"{row['hash'] % 2**64:016x}", HashClass(row["class"]), *tuple(row)[3:])


def _signed(difference_hash: int) -> int:
    """As PostgreSQL's bigint, which has a sign."""
    return difference_hash - 2**64 if difference_hash >= 2**63 else difference_hash
