"""What each service is told by its environment, read once at its start. The plan says where the values come from."""

from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class WrongSettings(SystemExit):
    """The environment lacks something, or something in it is wrong; the message names each variable."""


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)


class MigrationSettings(_Settings):
    database_url: SecretStr


class ServiceSettings(_Settings):
    """What every service is told.

    :ivar service_name: as in the plan; names its connections and its log lines
    """

    service_name: str
    database_url: SecretStr
    log_level: str = "info"


class HttpSettings(ServiceSettings):
    """What every HTTP service is told.

    :ivar origin_verify: the values of the origin-verify header that the service accepts, separated by commas: one, or
        two while it is being rotated
    """

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    origin_verify: SecretStr


class MobileApiSettings(HttpSettings):
    """:ivar token_signing_keys: a JWKS with private P-256 keys; the first signs, all verify."""

    token_signing_keys: SecretStr
    access_token_seconds: int = Field(default=3600, ge=60, le=86400)
    device_identifier_key: SecretStr
    picture_url_key: SecretStr
    picture_url_key_id: str
    picture_url_seconds: int = Field(default=900, ge=60, le=86400)
    public_url: str = Field(pattern=r"^https://[^/]+$")
    welcome_credits: int = Field(ge=0, le=1_000_000)


class ImageWorkerSettings(ServiceSettings):
    """:ivar lease_seconds: how long a job is the worker's without a sign of life."""

    image_jobs_queue_url: str
    pictures_bucket: str
    openai_api_key: SecretStr
    openai_base_url: str
    image_model: str
    safety_identifier_key: SecretStr
    concurrency: int = Field(default=8, ge=1, le=100)
    lease_seconds: int = Field(default=60, ge=3, le=3600)
    painter_timeout_seconds: int = Field(default=300, ge=1, le=3600)
    stop_timeout_seconds: int = Field(default=120, ge=2, le=120)


class OutboxRelaySettings(ServiceSettings):
    image_jobs_queue_url: str
    lost_ticket_seconds: int = Field(default=90, ge=1, le=86400)


S = TypeVar("S", bound=BaseSettings)


def read(settings: type[S]) -> S:
    """Read the environment.

    :raises WrongSettings: names the variables that are missing or wrong, and never shows a value
    """
    try:
        return settings()
    except ValidationError as error:
        faults = [f"  {'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors()]
        raise WrongSettings("The environment is not right:\n" + "\n".join(faults)) from None
