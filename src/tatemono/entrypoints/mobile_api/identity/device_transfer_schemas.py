"""Bodies about changing phones and merging accounts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.domain.identity.devices import Platform, UserKind
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example
from tatemono.entrypoints.mobile_api.identity.device_schemas import CREDENTIALS, DeviceSignedIn
from tatemono.entrypoints.mobile_api.identity.me_schemas import USER_ID

_MEMBER_ID = "0199ffee-1c20-7a31-8d42-5e6f7a8b9c08"
_MERGE_ID = "019ab3c5-2d10-7e91-9c33-1a2b3c4d5e09"
_CREDENTIALS = CREDENTIALS | {"user": {"id": _MEMBER_ID, "kind": "member", "new": False}}


class TransferCodeRequest(RequestBody):
    model_config = example({"sign_out_this_device": True})

    sign_out_this_device: Annotated[
        bool, Field(description="When the code is redeemed, this phone leaves the account and gets a new guest.")
    ] = False


class TransferCode(ResponseBody):
    model_config = example(
        {
            "code": "RSQ5-PBQ9-5CAX-7WQZ",
            "expires_at": "2026-11-24T09:10:57.141592Z",
            "attempts": 5,
            "qr_svg": '<svg xmlns="http://www.w3.org/2000/svg" width="116" height="116" class="segno">…</svg>',
        }
    )

    code: Annotated[str, Field(description="Shown this once: only a keyed hash is kept.")]
    expires_at: datetime
    attempts: Annotated[int, Field(description="Wrong guesses that the code bears before it is void.")]
    qr_svg: Annotated[str, Field(description="The code as a QR code, for the camera of the app on the new phone.")]


class TransferCodeRedemption(RequestBody):
    model_config = example(
        {
            "code": "rsq5 pbq9 5cax 7wqz",
            "platform": "ios",
            "device_identifier": "6F1A2B3C-4D5E-4F60-8A9B-0C1D2E3F4A5B",
        }
    )

    code: Annotated[
        str,
        StringConstraints(min_length=1, max_length=64, pattern=NO_NUL),
        Field(
            description="As typed: upper or lower case, full-width, with any grouping; O is read as 0, I and L as 1."
        ),
    ]
    platform: Platform
    device_identifier: Annotated[
        str,
        StringConstraints(min_length=8, max_length=255, pattern=NO_NUL),
        Field(description="As for `sign_in_device`."),
    ]


class MergeOffer(ResponseBody):
    model_config = example({"merge_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6Im1lcmdlK2p3dCJ9.eyJ…", "expires_in": 900})

    merge_token: Annotated[str, Field(description="For `preview_merge` and `confirm_merge`, from this device only.")]
    expires_in: Annotated[int, Field(description="Seconds.")]


class MergeSide(ResponseBody):
    user_id: UUID
    kind: UserKind
    email: str | None
    generations: int
    generations_in_flight: Annotated[int, Field(description="Of these, not finished; they go on.")]
    pictures: int
    devices: int
    strikes: Annotated[int, Field(description="Those that count now, for pictures that were taken down.")]
    credits_available: int
    credits_held: int


def _side(user_id: str, **facts: object) -> dict[str, object]:
    counts = {"generations_in_flight": 0, "devices": 1, "strikes": 0, "credits_held": 0}
    return {"user_id": user_id, **counts, **facts}


class MergeOutcome(ResponseBody):
    generations: Literal["moved"]
    pictures: Literal["moved"]
    devices: Literal["moved"]
    strikes: Literal["added"]
    credits: Literal["added"]
    profile: Annotated[Literal["staying"], Field(description="E-mail, password, settings: those of `staying` win.")]
    credits_available: Annotated[int, Field(description="What the account will have.")]


class MergePreview(ResponseBody):
    model_config = example(
        {
            "leaving": _side(USER_ID, kind="guest", email=None, generations=3, pictures=3, credits_available=476),
            "staying": _side(
                _MEMBER_ID, kind="member", email="a@example.jp", generations=12, pictures=11, credits_available=404
            ),
            "outcome": {
                "generations": "moved",
                "pictures": "moved",
                "devices": "moved",
                "strikes": "added",
                "credits": "added",
                "profile": "staying",
                "credits_available": 880,
            },
        }
    )

    leaving: Annotated[MergeSide, Field(description="This device's guest, which goes over.")]
    staying: Annotated[MergeSide, Field(description="The account gone into.")]
    outcome: MergeOutcome


class ConfirmedMerge(ResponseBody):
    model_config = example(
        {
            "id": _MERGE_ID,
            "generations": 3,
            "pictures": 3,
            "devices": 1,
            "credits_moved": 476,
            "undo_until": "2026-12-01T09:01:57.141592Z",
            "credentials": _CREDENTIALS,
        }
    )

    id: UUID
    generations: int
    pictures: int
    devices: int
    credits_moved: int
    undo_until: datetime
    credentials: Annotated[DeviceSignedIn, Field(description="This device is the account's now, with these tokens.")]


class UndoableMerge(ResponseBody):
    id: UUID
    user_id: Annotated[UUID, Field(description="The guest that would be back.")]
    merged_at: datetime
    undo_until: datetime
    generations: int
    generations_in_flight: Annotated[int, Field(description="Of these, not finished; they go on.")]
    pictures: int
    devices: Annotated[int, Field(description="They would go back, and have to sign in again.")]
    credits_returned: int
    credits_short: Annotated[int, Field(description="Came, but were spent since: so many would not go back.")]
    obstacle: Annotated[
        Literal["no_device_to_return", "only_way_in"] | None, Field(description="Why undoing would be refused now.")
    ]


class UndoableMergePage(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": _MERGE_ID,
                    "user_id": USER_ID,
                    "merged_at": "2026-11-24T09:01:57.141592Z",
                    "undo_until": "2026-12-01T09:01:57.141592Z",
                    "generations": 3,
                    "generations_in_flight": 0,
                    "pictures": 3,
                    "devices": 1,
                    "credits_returned": 404,
                    "credits_short": 72,
                    "obstacle": None,
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[UndoableMerge]
    next_cursor: UUID | None


class UndoneMerge(ResponseBody):
    model_config = example(
        {
            "user_id": USER_ID,
            "generations": 3,
            "pictures": 3,
            "devices": 1,
            "credits_returned": 404,
            "credits_short": 72,
        }
    )

    user_id: Annotated[UUID, Field(description="The guest that is back.")]
    generations: int
    pictures: int
    devices: int
    credits_returned: int
    credits_short: Annotated[int, Field(description="Came, but were spent since: so many do not go back.")]
