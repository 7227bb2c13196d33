"""Those who look after the building, and what each of them may do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final
from unicodedata import normalize
from uuid import UUID

from tatemono.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated, Unavailable
from tatemono.domain.identity.devices import Platform, UserKind


class Role(StrEnum):
    """Groups of the operators' user pool. A person may be in several, and in groups that are none of these."""

    VIEWER = "viewer"
    SUPPORT = "support"
    ADMIN = "admin"


class Operation(StrEnum):
    """What the admin API can do: the operationIds of its routes."""

    GET_OPERATOR = "get_operator"
    LIST_OWN_ACTS = "list_own_acts"
    FIND_PEOPLE = "find_people"
    GET_PERSON = "get_person"
    SUSPEND_PERSON = "suspend_person"
    RESTORE_PERSON = "restore_person"
    SIGN_OUT_PERSON = "sign_out_person"
    LIST_AUDIT_RECORDS = "list_audit_records"
    GET_QUEUE = "get_queue"
    PAUSE_QUEUE = "pause_queue"
    RESUME_QUEUE = "resume_queue"
    DRAIN_QUEUE = "drain_queue"
    FILL_QUEUE = "fill_queue"
    REPRIORITISE_GENERATION = "reprioritise_generation"
    REPRIORITISE_PERSON = "reprioritise_person"
    LIST_DEAD_LETTERS = "list_dead_letters"
    REDRIVE_DEAD_LETTERS = "redrive_dead_letters"
    DISCARD_DEAD_LETTERS = "discard_dead_letters"
    LIST_STYLE_PRESETS = "list_style_presets"
    CREATE_STYLE = "create_style"
    CHANGE_STYLE = "change_style"
    RETIRE_STYLE = "retire_style"
    PREPARE_STYLE_SAMPLE = "prepare_style_sample"
    COMPLETE_STYLE_SAMPLE = "complete_style_sample"
    LIST_REPORTS = "list_reports"
    CLAIM_REPORT = "claim_report"
    DECIDE_REPORT = "decide_report"
    TAKE_DOWN_PICTURE = "take_down_picture"
    LIST_TAKEDOWNS = "list_takedowns"
    UNDO_TAKEDOWN = "undo_takedown"
    LIST_ESCALATIONS = "list_escalations"
    LIST_BLOCKED_WORDS = "list_blocked_words"
    ADD_BLOCKED_WORD = "add_blocked_word"
    REMOVE_BLOCKED_WORD = "remove_blocked_word"
    TEST_BLOCKED_WORDS = "test_blocked_words"
    LIST_BLOCKED_HASHES = "list_blocked_hashes"
    ADD_BLOCKED_HASH = "add_blocked_hash"
    REMOVE_BLOCKED_HASH = "remove_blocked_hash"


_ANY_ROLE = frozenset(Role)
_CARE = frozenset({Role.SUPPORT, Role.ADMIN})
_RULE = frozenset({Role.ADMIN})

#: Who may do what: the only place that says so. A route that is not here cannot be made.
ALLOWED: Final[Mapping[Operation, frozenset[Role]]] = MappingProxyType(
    {
        Operation.GET_OPERATOR: _ANY_ROLE,
        Operation.LIST_OWN_ACTS: _ANY_ROLE,
        Operation.FIND_PEOPLE: _ANY_ROLE,
        Operation.GET_PERSON: _ANY_ROLE,
        Operation.SUSPEND_PERSON: _CARE,
        Operation.RESTORE_PERSON: _CARE,
        Operation.SIGN_OUT_PERSON: _CARE,
        Operation.LIST_AUDIT_RECORDS: _RULE,
        Operation.GET_QUEUE: _ANY_ROLE,
        Operation.PAUSE_QUEUE: _RULE,
        Operation.RESUME_QUEUE: _RULE,
        Operation.DRAIN_QUEUE: _RULE,
        Operation.FILL_QUEUE: _RULE,
        Operation.REPRIORITISE_GENERATION: _CARE,
        Operation.REPRIORITISE_PERSON: _CARE,
        Operation.LIST_DEAD_LETTERS: _CARE,
        Operation.REDRIVE_DEAD_LETTERS: _RULE,
        Operation.DISCARD_DEAD_LETTERS: _RULE,
        Operation.LIST_STYLE_PRESETS: _ANY_ROLE,
        Operation.CREATE_STYLE: _RULE,
        Operation.CHANGE_STYLE: _RULE,
        Operation.RETIRE_STYLE: _RULE,
        Operation.PREPARE_STYLE_SAMPLE: _RULE,
        Operation.COMPLETE_STYLE_SAMPLE: _RULE,
        Operation.LIST_REPORTS: _CARE,
        Operation.CLAIM_REPORT: _CARE,
        Operation.DECIDE_REPORT: _CARE,
        Operation.TAKE_DOWN_PICTURE: _CARE,
        Operation.LIST_TAKEDOWNS: _CARE,
        Operation.UNDO_TAKEDOWN: _RULE,
        Operation.LIST_ESCALATIONS: _RULE,
        Operation.LIST_BLOCKED_WORDS: _CARE,
        Operation.ADD_BLOCKED_WORD: _RULE,
        Operation.REMOVE_BLOCKED_WORD: _RULE,
        Operation.TEST_BLOCKED_WORDS: _CARE,
        Operation.LIST_BLOCKED_HASHES: _CARE,
        Operation.ADD_BLOCKED_HASH: _RULE,
        Operation.REMOVE_BLOCKED_HASH: _RULE,
    }
)


class OperatorTokenRejected(Unauthenticated):
    code = "operator_token_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "The operator's access token is missing, wrong or too old. Sign in again.",
        "ja": "オペレーターのアクセストークンがないか、無効か、期限切れです。サインインし直してください。",
    }


class OperatorKeysUnavailable(Unavailable):
    code = "operator_keys_away"
    texts: ClassVar[dict[str, str]] = {
        "en": "The keys of the operators' user pool cannot be fetched. Try again in a moment.",
        "ja": "オペレーターのユーザープールの鍵を取得できません。しばらくしてからもう一度お試しください。",
    }


class RoleMissing(Forbidden):
    code = "role_missing"
    texts: ClassVar[dict[str, str]] = {
        "en": "This needs one of these roles: {roles}. Ask an admin for it.",
        "ja": "この操作には次のいずれかの役割が必要です: {roles}。管理者に依頼してください。",
    }


class AddressNotAllowed(Forbidden):
    code = "address_not_allowed"
    texts: ClassVar[dict[str, str]] = {
        "en": "This is not answered at your address. Come from a network of the plan's ip set for operators.",
        "ja": "このアドレスからは利用できません。許可されたネットワークからアクセスしてください。",
    }


class NoSuchPerson(NotFound):
    code = "no_such_person"
    texts: ClassVar[dict[str, str]] = {"en": "There is no such person.", "ja": "該当する利用者がいません。"}


class NotSuspended(Conflict):
    code = "not_suspended"
    texts: ClassVar[dict[str, str]] = {
        "en": "This person is not suspended.",
        "ja": "この利用者は停止されていません。",
    }


class EndsInThePast(Invalid):
    code = "suspension_ends_in_the_past"
    texts: ClassVar[dict[str, str]] = {
        "en": "A suspension must end in the future; leave `until` out for one without an end.",
        "ja": "停止の終了日時には未来の日時を指定してください。期限を設けない場合は `until` を省略してください。",
    }


class SearchTooShort(Invalid):
    code = "search_too_short"
    texts: ClassVar[dict[str, str]] = {
        "en": "Search for an id, an e-mail address, or at least {characters} characters of a device key's thumbprint.",
        "ja": "ID、メールアドレス、またはデバイスキーのサムプリントの先頭 {characters} 文字以上で検索してください。",
    }


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator that a good access token of the operators' pool speaks for.

    :ivar id: the pool's `sub`
    :ivar email: the pool's user name, which is an e-mail address there
    """

    id: str
    email: str
    roles: frozenset[Role]

    def check(self, operation: Operation) -> None:
        """:raises RoleMissing: none of the operator's roles may do this"""
        allowed = ALLOWED[operation]
        if not self.roles & allowed:
            raise RoleMissing(roles=", ".join(role for role in Role if role in allowed))


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, from where and why: what the audit record keeps of it.

    :ivar request_id: finds the request in the logs
    :ivar address: of the operator
    """

    operator: Operator
    reason: str
    request_id: str
    address: str


_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{6,43}").fullmatch
_LEAST_CHARACTERS: Final = 6


@dataclass(frozen=True, slots=True)
class Search:
    """What an operator looks for: exactly one of the three.

    :ivar id: of a person, or of something that is a person's: a device, session, generation or transfer code
    :ivar email: as it is compared: lower case, NFC
    :ivar thumbprint: how the RFC 7638 thumbprint of a device's key begins
    """

    id: UUID | None = None
    email: str | None = None
    thumbprint: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Search":
        """:raises SearchTooShort: it is none of the three"""
        text = normalize("NFC", text).strip()
        if "@" in text:
            return cls(email=text.lower())
        try:
            return cls(id=UUID(text))
        except ValueError:
            pass
        if not _THUMBPRINT(text):
            raise SearchTooShort(characters=_LEAST_CHARACTERS)
        return cls(thumbprint=text)


@dataclass(frozen=True, slots=True)
class Person:
    """A user as operators see them in a list. `suspended` is whether a suspension holds now.

    :ivar merged_into: the account that this one became part of
    :ivar erase_at: the person has asked to delete the account by then
    """

    id: UUID
    kind: UserKind
    email: str | None
    created_at: datetime
    last_used_at: datetime
    suspended: bool
    suspended_at: datetime | None
    suspended_until: datetime | None
    suspension_reason: str | None
    merged_into: UUID | None
    erase_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonsDevice:
    id: UUID
    platform: Platform
    key_thumbprint: str
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonsSession:
    """:ivar revocation: why it was ended"""

    id: UUID
    device_id: UUID
    created_at: datetime
    expires_at: datetime
    rotated_at: datetime
    revoked_at: datetime | None
    revocation: str | None


@dataclass(frozen=True, slots=True)
class PersonInFull:
    """A person with what is theirs; devices and sessions newest first, so many at most."""

    person: Person
    credits_available: int
    credits_held: int
    pictures: int
    generations: int
    devices: list[PersonsDevice] = field(default_factory=list)
    sessions: list[PersonsSession] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What an operator did. It is written with the act, and cannot be changed."""

    id: UUID
    operator_id: str
    operator_email: str
    action: str
    user_id: UUID | None
    reason: str | None
    data: dict[str, object]
    request_id: str
    address: str
    created_at: datetime
