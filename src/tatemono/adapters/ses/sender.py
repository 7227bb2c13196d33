"""Mail through SES, version 2: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html"""

import math
import re
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from tatemono.domain.mail.sending import SendFailure, SendingFailed, SendQuota
from tatemono.usecases.mail.ports import RenderedEmail

#: SES was not reached, so it has taken nothing. What else goes wrong on the way may have gone wrong behind it.
_NOT_REACHED = (EndpointConnectionError, ConnectTimeoutError)
_NO_LIMIT = -1

_BY_CODE = {
    "AccountSuspendedException": SendFailure.SENDING_PAUSED,
    "SendingPausedException": SendFailure.SENDING_PAUSED,
    "MailFromDomainNotVerifiedException": SendFailure.NOT_VERIFIED,
    "NotFoundException": SendFailure.MISCONFIGURED,
    "AccessDeniedException": SendFailure.MISCONFIGURED,
    "UnrecognizedClientException": SendFailure.MISCONFIGURED,
    "ExpiredTokenException": SendFailure.UNAVAILABLE,
    "LimitExceededException": SendFailure.QUOTA_REACHED,
    "ServiceUnavailable": SendFailure.UNAVAILABLE,
    "ServiceUnavailableException": SendFailure.UNAVAILABLE,
}
_THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestThrottled"})
#: SES has one code for many reasons, and tells them apart in English only.
_BY_WORDS = (
    (re.compile(r"daily (message|sending) quota", re.IGNORECASE), SendFailure.QUOTA_REACHED),
    (re.compile(r"not verified", re.IGNORECASE), SendFailure.NOT_VERIFIED),
    (re.compile(r"sending (is )?(paused|disabled|suspended)", re.IGNORECASE), SendFailure.SENDING_PAUSED),
    (re.compile(r"configuration set .* does not exist", re.IGNORECASE), SendFailure.MISCONFIGURED),
    (re.compile(r"suppression list|suppressed|blacklisted", re.IGNORECASE), SendFailure.SUPPRESSED),
    (
        re.compile(r"(illegal|invalid|missing|malformed).*(address|domain|local|recipient|@)", re.IGNORECASE),
        SendFailure.ADDRESS_REJECTED,
    ),
    (re.compile(r"domain (starts|ends|contains)|local address", re.IGNORECASE), SendFailure.ADDRESS_REJECTED),
)
_SERVER_ERROR = 500
_UNAVAILABLE = 503


class SesSender:
    """Sends what is written, in UTF-8, as text and as HTML.

    :param client: of `sesv2`, which must make each call once: `aws_clients("sesv2", attempts=1)`
    :param sender: what stands in From, an address with or without a name
    :param configuration_set: decides where SES tells what becomes of the mail
    """

    def __init__(self, client: Any, *, sender: str, configuration_set: str) -> None:
        self._client = client
        self._sender = sender
        self._configuration_set = configuration_set

    async def send(self, email: RenderedEmail, *, to: str, tags: dict[str, str]) -> str:
        """:param tags: letters, digits, `-` and `_`"""
        content = {
            "Subject": _text(email.subject),
            "Body": {"Text": _text(email.text), "Html": _text(email.html)},
            "Headers": [{"Name": name, "Value": value} for name, value in email.headers.items()],
        }
        try:
            answer = await self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={"Simple": content},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
            )
        except (ClientError, BotoCoreError, OSError, TimeoutError) as error:
            raise failure_of(error) from error
        message_id: str = answer["MessageId"]
        return message_id

    async def quota(self) -> SendQuota:
        try:
            account = await self._client.get_account()
        except (ClientError, BotoCoreError, OSError, TimeoutError) as error:
            raise failure_of(error) from error
        quota = account["SendQuota"]
        per_day = quota["Max24HourSend"]
        return SendQuota(
            max_per_second=max(quota["MaxSendRate"], 0.01),
            max_per_day=math.inf if per_day == _NO_LIMIT else per_day,
            sent_last_day=quota["SentLast24Hours"],
            may_send=account["SendingEnabled"] and account.get("EnforcementStatus") != "SHUTDOWN",
        )


def failure_of(error: Exception) -> SendingFailed:
    """What an exception of the SDK means for the mail."""
    if isinstance(error, _NOT_REACHED):
        return SendingFailed(SendFailure.UNAVAILABLE, type(error).__name__)
    if not isinstance(error, ClientError):
        # Only what broke on the way is in doubt; what the SDK refused was never sent.
        lost = isinstance(error, HTTPClientError | OSError | TimeoutError)
        return SendingFailed(SendFailure.UNKNOWN if lost else SendFailure.REFUSED, f"{type(error).__name__}: {error}")
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return SendingFailed(_meaning(code, message, status), f"{code}: {message}")


def _meaning(code: str, message: str, status: int) -> SendFailure:
    worded = next((failure for pattern, failure in _BY_WORDS if pattern.search(message)), None)
    if code in _THROTTLED:
        return SendFailure.QUOTA_REACHED if worded is SendFailure.QUOTA_REACHED else SendFailure.THROTTLED
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == _UNAVAILABLE:
        return SendFailure.UNAVAILABLE
    if status >= _SERVER_ERROR:
        # SES broke while it worked on the mail.
        return SendFailure.UNKNOWN
    return worded or SendFailure.REFUSED


def _text(data: str) -> dict[str, str]:
    return {"Data": data, "Charset": "UTF-8"}
