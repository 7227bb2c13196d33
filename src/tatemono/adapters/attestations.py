"""Who attests the devices of each platform."""

from typing import TYPE_CHECKING

from tatemono.domain.identity.attestation import AttestationFault, DeviceNotAttested
from tatemono.domain.identity.devices import Platform

if TYPE_CHECKING:
    from tatemono.adapters.app_attest import AppAttest
    from tatemono.adapters.play_integrity import PlayIntegrity


class PlatformAttestations:
    """:param ios: none: no device of that platform can be attested"""

    def __init__(self, *, ios: "AppAttest | None", android: "PlayIntegrity | None") -> None:
        self._makers = {Platform.IOS: ios, Platform.ANDROID: android}

    def verify(self, platform: Platform, attestation: str, *, client_data: bytes, now: float) -> None:
        maker = self._makers.get(platform)
        if maker is None:
            raise DeviceNotAttested(AttestationFault.NOT_POSSIBLE)
        maker.verify(attestation, client_data=client_data, now=now)
