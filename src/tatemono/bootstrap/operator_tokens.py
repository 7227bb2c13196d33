"""Who may act as an operator, for the admin API and the admin site."""

import time

from tatemono.adapters.cognito.operator_tokens import OperatorTokens, PublishedKeys
from tatemono.settings import OperatorsSettings


def operator_tokens(settings: OperatorsSettings) -> OperatorTokens:
    return OperatorTokens(
        PublishedKeys(settings.operators_jwks_url, clock=time.monotonic),
        issuer=settings.operators_issuer,
        client_id=settings.operators_client_id,
    )
