"""What is blocked: words in prompts, and pictures by their hashes."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from tatemono.domain.operators.roles import Operation
from tatemono.domain.safety.blocked_words import BlockedWord, BlockedWords, Locale, fold
from tatemono.entrypoints.admin_api.authority import DONE, Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.paging import Cursor, Limit
from tatemono.entrypoints.admin_api.safety import safety_schemas as schemas
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response, page_response
from tatemono.usecases.ports import BLOCKED_WORDS_CHANNEL

routes = router("Safety")


@routes.get(
    "/blocked-words",
    summary="All words that no prompt may hold",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.BlockedWordList, "By locale.")),
)
async def route_list_blocked_words(backend: Backend) -> Response:
    return json_response({"items": [_shown(word) for word in await backend.db.blocked_words.all()]})


@routes.post(
    "/blocked-words",
    summary="Block a word",
    description="Looked for in every prompt within seconds. Try it first: `test_blocked_words`.",
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(401, 409, 429, *BODY_PROBLEMS, _201=response(schemas.BlockedWord, "It is looked for.")),
)
async def route_add_blocked_word(
    request: Request, backend: Backend, caller: Caller, body: schemas.NewBlockedWord
) -> Response:
    act = act_of(request, caller, body.reason)
    async with backend.db.transaction() as rows:
        word = await rows.blocked_words.add(body.locale, body.phrase, body.note, by=caller.email)
        data = body.model_dump(mode="json", exclude={"reason"})
        await rows.people.record(Operation.ADD_BLOCKED_WORD, act, None, data)
    backend.db.notifier.notify(BLOCKED_WORDS_CHANNEL)
    return json_response(_shown(word), 201)


@routes.post(
    "/blocked-words/test",
    summary="Which blocked words a text holds, and how it is read",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, *BODY_PROBLEMS, _200=response(schemas.PhraseTestResult, "Nothing was changed.")),
)
async def route_test_blocked_words(backend: Backend, body: schemas.PhraseTest) -> Response:
    matches = BlockedWords(await backend.db.blocked_words.all()).found_in(body.text)
    read_as = {locale.value: fold(locale, body.text) for locale in Locale}
    return json_response({"blocked": bool(matches), "matches": [_shown(word) for word in matches], "read_as": read_as})


@routes.post(
    "/blocked-words/{word_id}/remove",
    summary="Block a word no more",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, *BODY_PROBLEMS, _204=DONE),
)
async def route_remove_blocked_word(
    request: Request, backend: Backend, caller: Caller, word_id: UUID, body: schemas.SafetyAct
) -> Response:
    act = act_of(request, caller, body.reason)
    async with backend.db.transaction() as rows:
        word = await rows.blocked_words.remove(word_id)
        data: dict[str, object] = {"locale": word.locale, "phrase": word.phrase}
        await rows.people.record(Operation.REMOVE_BLOCKED_WORD, act, None, data)
    backend.db.notifier.notify(BLOCKED_WORDS_CHANNEL)
    return Response(status_code=204)


@routes.get(
    "/blocked-hashes",
    summary="Hashes of pictures that must not come back, the newest first",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.BlockedHashPage, "A page.")),
)
async def route_list_blocked_hashes(backend: Backend, cursor: Cursor = None, limit: Limit = 20) -> Response:
    found = await backend.db.blocked_hashes.all(before=cursor, limit=limit + 1)
    return page_response(found, limit)


@routes.post(
    "/blocked-hashes",
    summary="Block a picture by its hash",
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(401, 409, *BODY_PROBLEMS, _201=response(schemas.BlockedHash, "It is compared from now on.")),
)
async def route_add_blocked_hash(
    request: Request, backend: Backend, caller: Caller, body: schemas.NewBlockedHash
) -> Response:
    act = act_of(request, caller, body.reason)
    async with backend.db.transaction() as rows:
        added = await rows.blocked_hashes.add(int(body.hash, 16), body.hash_class, body.note, by=caller.email)
        data = body.model_dump(mode="json", exclude={"reason"})
        await rows.people.record(Operation.ADD_BLOCKED_HASH, act, None, data)
    return json_response(asdict(added), 201)


@routes.post(
    "/blocked-hashes/{hash_id}/remove",
    summary="Block a hash no more",
    openapi_extra=WITH_TOKEN,
    status_code=204,
    responses=responses(401, 404, *BODY_PROBLEMS, _204=DONE),
)
async def route_remove_blocked_hash(
    request: Request, backend: Backend, caller: Caller, hash_id: UUID, body: schemas.SafetyAct
) -> Response:
    act = act_of(request, caller, body.reason)
    async with backend.db.transaction() as rows:
        removed = await rows.blocked_hashes.remove(hash_id)
        data: dict[str, object] = {"hash": removed.hash, "hash_class": removed.hash_class}
        await rows.people.record(Operation.REMOVE_BLOCKED_HASH, act, None, data)
    return Response(status_code=204)


def _shown(word: BlockedWord) -> dict[str, Any]:
    shown = asdict(word)
    del shown["folded"]
    return shown
