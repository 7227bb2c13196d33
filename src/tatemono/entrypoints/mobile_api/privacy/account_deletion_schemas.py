"""Bodies about deleting the account."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints, model_validator

from tatemono.domain.identity.devices import Platform
from tatemono.domain.identity.members import MAX_PASSWORD_CHARACTERS, Password
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example
from tatemono.entrypoints.mobile_api.identity.member_schemas import Email, TotpCode

_RECEIPT_ID = "3f0c5f5e-8f0b-4a58-9a3e-5f1d7e2b9c41"
_DEVICE = {"platform": "ios", "device_identifier": "6F1A2B3C-4D5E-4F60-8A9B-0C1D2E3F4A5B"}

MembersPassword = Annotated[
    Annotated[SecretStr, Field(min_length=1, max_length=MAX_PASSWORD_CHARACTERS)] | None,
    Field(description="Members show it once more; guests have none."),
]


class DeletionRequest(RequestBody):
    model_config = example({"confirm": True, "password": "horse on the roof"})

    confirm: Annotated[Literal[True], Field(description="The person was asked, and said yes.")]
    password: MembersPassword = None
    totp_code: TotpCode = None

    def known_password(self) -> Password | None:
        return None if self.password is None else Password(self.password.get_secret_value())


class RequestedDeletion(ResponseBody):
    model_config = example({"receipt_id": _RECEIPT_ID, "erase_at": "2026-12-08T09:12:03.271828Z"})

    receipt_id: Annotated[UUID, Field(description="Opens the receipt (`get_deletion_receipt`). Show it: keep it.")]
    erase_at: Annotated[datetime, Field(description="Until then it can be undone.")]


class DeletionUndoing(RequestBody):
    model_config = example(_DEVICE)

    platform: Platform
    device_identifier: Annotated[
        str,
        StringConstraints(min_length=8, max_length=255, pattern=NO_NUL),
        Field(description="As at `sign_in_device`."),
    ]
    email: Annotated[Email | None, Field(description="For members, on any phone; with `password`.")] = None
    password: MembersPassword = None
    totp_code: TotpCode = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.email is None) != (self.password is None):
            raise ValueError("email and password belong together")
        return self


class ErasedCounts(ResponseBody):
    objects: Annotated[int, Field(description="Files in the store: pictures, thumbnails, exports.")] = 0
    pictures: int = 0
    generations: int = 0
    devices: int = 0
    exports: int = 0
    mails: int = 0
    members: Annotated[int, Field(description="Entries in the members' user pool.")] = 0
    identities: Annotated[int, Field(description="Entries in the guests' identity pool.")] = 0
    users: Annotated[int, Field(description="Accounts: this one, and those that were merged into it.")] = 0


class DeletionReceipt(ResponseBody):
    model_config = example(
        {
            "id": _RECEIPT_ID,
            "state": "erased",
            "erase_at": "2026-12-08T09:12:03.271828Z",
            "erased_at": "2026-12-08T09:12:21.141592Z",
            "erased": {
                "objects": 12,
                "pictures": 6,
                "generations": 7,
                "devices": 2,
                "exports": 0,
                "mails": 3,
                "members": 1,
                "identities": 1,
                "users": 1,
            },
            "hmac_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
    )

    id: UUID
    state: Annotated[Literal["pending", "erased"], Field(description="`pending`: it is still to come, or under way.")]
    erase_at: datetime
    erased_at: datetime | None
    erased: ErasedCounts | None
    hmac_sha256: Annotated[str | None, Field(description="Ours, of all the rest: shows that we gave it out.")]
