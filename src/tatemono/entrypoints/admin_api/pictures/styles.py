"""Style presets: listing, making, changing and retiring them, and their sample pictures."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from tatemono.adapters.postgres.pictures.styles import StylePreset
from tatemono.domain.operators.roles import Act, Operation
from tatemono.domain.pictures.references import MAX_UPLOAD_BYTES, UPLOAD_SECONDS
from tatemono.domain.pictures.styles import NoSuchPreset, sample_upload_key
from tatemono.entrypoints.admin_api.authority import Backend, Caller, act_of, router
from tatemono.entrypoints.admin_api.pictures import style_schemas as schemas
from tatemono.entrypoints.http.openapi import BODY_PROBLEMS, WITH_TOKEN, response, responses
from tatemono.entrypoints.http.responses import json_response
from tatemono.usecases.pictures.complete_style_sample import complete_style_sample

routes = router("Styles")

StyleId = Annotated[str, Path(pattern=schemas.STYLE_ID, max_length=40)]


@routes.get(
    "/styles",
    summary="All style presets, the retired ones too",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, _200=response(schemas.StylePresetList, "In the order to show.")),
)
async def route_list_style_presets(backend: Backend) -> Response:
    return json_response({"items": [asdict(style) for style in await backend.db.styles.all()]})


@routes.post(
    "/styles",
    summary="Make a style",
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(401, 409, *BODY_PROBLEMS, _201=response(schemas.StylePreset, "People can choose it.")),
)
async def route_create_style(request: Request, backend: Backend, caller: Caller, body: schemas.NewStyle) -> Response:
    act = act_of(request, caller, body.reason)
    async with backend.db.transaction() as tx:
        style = await tx.styles.create(body.id, body.position, body.name_en, body.name_ja, body.prompt_suffix)
        await tx.people.record(Operation.CREATE_STYLE, act, None, body.model_dump(exclude={"reason"}))
    return json_response(asdict(style), 201)


@routes.patch(
    "/styles/{style_id}",
    summary="Change a style, or bring a retired one back",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, *BODY_PROBLEMS, _200=response(schemas.StylePreset, "As it is now.")),
)
async def route_change_style(
    request: Request, backend: Backend, caller: Caller, style_id: StyleId, body: schemas.StyleChange
) -> Response:
    changes = body.model_dump(exclude={"reason"}, exclude_none=True)
    act = act_of(request, caller, body.reason)
    return json_response(asdict(await _change(backend, Operation.CHANGE_STYLE, act, style_id, changes)))


@routes.post(
    "/styles/{style_id}/retire",
    summary="Retire a style, so that it cannot be chosen any more",
    description="Generations that have it keep it. `change_style` with `active` brings it back.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, *BODY_PROBLEMS, _200=response(schemas.StylePreset, "As it is now.")),
)
async def route_retire_style(
    request: Request, backend: Backend, caller: Caller, style_id: StyleId, body: schemas.StyleAct
) -> Response:
    act = act_of(request, caller, body.reason)
    return json_response(asdict(await _change(backend, Operation.RETIRE_STYLE, act, style_id, {"active": False})))


@routes.post(
    "/styles/{style_id}/sample",
    summary="Bring a sample picture",
    description="A form that uploads one picture, good for ten minutes. Send it, then complete the sample.",
    openapi_extra=WITH_TOKEN,
    status_code=201,
    responses=responses(401, 404, *BODY_PROBLEMS, _201=response(schemas.PreparedSample, "The form.")),
)
async def route_prepare_style_sample(backend: Backend, style_id: StyleId, body: schemas.SampleRequest) -> Response:
    if all(style.id != style_id for style in await backend.db.styles.all()):
        raise NoSuchPreset(style=style_id)
    upload_id = uuid4()
    form = await backend.uploads.form(
        sample_upload_key(style_id, upload_id),
        content_type=body.content_type,
        max_bytes=MAX_UPLOAD_BYTES,
        seconds=UPLOAD_SECONDS,
    )
    return json_response({"upload_id": upload_id, **asdict(form), "max_bytes": MAX_UPLOAD_BYTES}, 201)


@routes.post(
    "/styles/{style_id}/sample/complete",
    summary="It is uploaded",
    description="Checks the picture by its content; a clean copy, 512 pixels a side at most, is shown from now on.",
    openapi_extra=WITH_TOKEN,
    responses=responses(401, 404, 409, *BODY_PROBLEMS, _200=response(schemas.StylePreset, "As it is now.")),
)
async def route_complete_style_sample(
    request: Request, backend: Backend, caller: Caller, style_id: StyleId, body: schemas.UploadedSample
) -> Response:
    key = await complete_style_sample(
        backend.uploads, backend.pictures, backend.cleaner, style_id=style_id, upload_id=body.upload_id
    )
    act = act_of(request, caller, body.reason)
    style = await _change(backend, Operation.COMPLETE_STYLE_SAMPLE, act, style_id, {"sample_key": key})
    return json_response(asdict(style))


async def _change(backend: Any, operation: Operation, act: Act, style_id: str, changes: dict[str, Any]) -> StylePreset:
    async with backend.db.transaction() as tx:
        style: StylePreset = await tx.styles.change(style_id, **changes)
        await tx.people.record(operation, act, None, {"style": style_id, **changes})
    return style
