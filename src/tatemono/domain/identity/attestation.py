"""What the maker of a phone says about it: that it is one, and that it runs our app."""

from enum import Enum, StrEnum
from typing import ClassVar

from tatemono.domain.errors import Forbidden


class AttestationPolicy(StrEnum):
    """Whether a device has to be attested: not asked; written down if it is; no sign-in without."""

    OFF = "off"
    RECORDED = "recorded"
    REQUIRED = "required"


class AttestationFault(Enum):
    """What is wrong with an attestation: English, Japanese."""

    MISSING = ("none came along", "証明が送られていません")
    NOT_POSSIBLE = ("this service takes none for this platform", "このプラットフォームの証明には対応していません")
    MALFORMED = ("it cannot be read", "証明の形式が正しくありません")
    NOT_FROM_MAKER = ("the maker of the device did not sign it", "端末メーカーの署名が確認できません")
    OTHER_REQUEST = ("it was made for another sign-in", "別のサインインのための証明です")
    OTHER_APP = ("it is about another app", "別のアプリの証明です")
    NOT_TRUSTED = ("the maker does not vouch for this device or app", "端末またはアプリの安全性が確認できません")


class DeviceNotAttested(Forbidden):
    code = "device_not_attested"
    texts: ClassVar[dict[str, str]] = {
        "en": "This device has to be attested by its maker (App Attest, Play Integrity): {reason}.",
        "ja": "端末の証明（App Attest、Play Integrity）が必要です: {reason}。",
    }

    def __init__(self, fault: AttestationFault) -> None:
        self.fault = fault
        super().__init__()

    def text(self, language: str) -> str:
        english, japanese = self.fault.value
        return self.texts.get(language, self.texts["en"]).format(reason=japanese if language == "ja" else english)
