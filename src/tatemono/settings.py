"""What each service is told by its environment, read once at its start. The plan says where the values come from."""

from decimal import Decimal
from typing import Literal, TypeVar
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from tatemono.domain.identity.attestation import AttestationPolicy
from tatemono.domain.safety.moderation import WhenDown


class WrongSettings(SystemExit):
    """The environment lacks something, or something in it is wrong; the message names each variable."""


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)


class MigrationSettings(_Settings):
    """What the migrations are told.

    :ivar database_roles: roles that have to exist before, separated by commas; if empty, they are made elsewhere
    """

    database_url: SecretStr
    database_roles: str = ""


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


class LimitRule(BaseModel):
    """At most `requests` in `window_seconds` for each IP address, device, account or mail address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["ip", "device", "account", "address"]
    requests: int = Field(ge=1, le=1_000_000)
    window_seconds: int = Field(ge=1, le=86_400)


class MobileApiSettings(HttpSettings):
    """What the mobile API is told.

    :ivar token_signing_keys: a JWKS with private P-256 keys; the first signs, all verify
    :ivar token_signing_keys_arn: the secret that they come from, to read them again; if empty, they stay as they are
    :ivar device_identifier_key: keys the hashes of devices' identifiers: one, or several as `keys rotate` writes them
    :ivar device_identifier_key_arn: as that of the signing keys
    :ivar refresh_rotation_key: keys the refresh tokens, and the nonces of DPoP
    :ivar transfer_code_key: keys the hashes of transfer codes
    :ivar limits: the plan's section of that name, as JSON
    :ivar device_attestation: whether the maker of a device has to vouch for it
    :ivar app_attest_app_id: team id and bundle id; if empty, no iOS device can be attested
    :ivar app_attest_development: whether builds from Xcode can be
    :ivar play_package_name: if empty, no Android device can be attested; the two keys are from the Play Console
    :ivar deletion_grace_days: in which a deleted account can be had back
    :ivar receipt_key: shows that a receipt of a deletion is ours
    :ivar image_model: which requests are checked against and priced by; the worker is told the same
    :ivar uploads_url: where forms with reference pictures are sent
    :ivar daily_credits: an account is filled up to so many on each day that it asks for something
    :ivar user_day_budget_dollars: what may be spent for one user in a day
    :ivar environment_day_budget_dollars: … and for all of them together
    :ivar day_time_zone: IANA name; where a day begins
    :ivar even_seconds: answers about addresses take at least so long, so that the time does not tell which are known
    """

    token_signing_keys: SecretStr
    token_signing_keys_arn: str = ""
    refresh_rotation_key: SecretStr
    access_token_seconds: int = Field(default=3600, ge=60, le=86400)
    device_identifier_key: SecretStr
    device_identifier_key_arn: str = ""
    picture_url_key: SecretStr
    picture_url_key_id: str
    picture_url_seconds: int = Field(default=900, ge=60, le=86400)
    public_url: str = Field(pattern=r"^https://[^/]+$")
    welcome_credits: int = Field(ge=0, le=1_000_000)
    transfer_code_key: SecretStr
    transfer_code_seconds: int = Field(default=600, ge=60, le=86400)
    limits: dict[str, tuple[LimitRule, ...]]
    members_pool_id: str
    members_client_id: str
    members_client_secret: SecretStr
    unsubscribe_key: SecretStr
    device_attestation: AttestationPolicy = AttestationPolicy.OFF
    app_attest_app_id: str = ""
    app_attest_development: bool = False
    play_package_name: str = ""
    play_decryption_key: SecretStr = SecretStr("")
    play_verification_key: str = ""
    deletion_grace_days: int = Field(default=14, ge=0, le=90)
    receipt_key: SecretStr
    even_seconds: float = Field(default=0.6, ge=0, le=10)
    image_model: str
    uploads_bucket: str
    uploads_url: str = Field(pattern=r"^https?://")
    daily_credits: int = Field(ge=0, le=1_000_000)
    user_day_budget_dollars: Decimal = Field(ge=0, le=1_000_000)
    environment_day_budget_dollars: Decimal = Field(ge=0, le=100_000_000)
    day_time_zone: str

    @field_validator("day_time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("this is no IANA time zone")
        return name


class OperatorsSettings(HttpSettings):
    """What the services for operators are told.

    :ivar allowed_addresses: networks that operators come from, separated by commas
    :ivar operators_issuer: what the tokens of the operators' user pool say they come from
    """

    allowed_addresses: str = Field(min_length=1)
    operators_issuer: str = Field(pattern=r"^https://")
    operators_client_id: str = Field(min_length=1)
    operators_jwks_url: str = Field(pattern=r"^https?://")


class AdminApiSettings(OperatorsSettings):
    """What the admin API is told.

    :ivar uploads_url: where forms with samples of styles are sent
    """

    pictures_bucket: str
    uploads_bucket: str
    uploads_url: str = Field(pattern=r"^https?://")


class WebSettings(OperatorsSettings):
    """What the admin site is told.

    :ivar admin_api_url: where the admin API answers within the building
    :ivar operators_domain_url: where the sign-in pages of the operators' user pool are
    :ivar operator_sessions_key: seals the operators' tokens; two, separated by a comma, while it is being rotated
    """

    public_url: str = Field(pattern=r"^https://[^/]+$")
    admin_api_url: str = Field(pattern=r"^https?://[^/]+$")
    operators_client_secret: SecretStr
    operators_domain_url: str = Field(pattern=r"^https?://[^/]+$")
    operator_sessions_key: SecretStr


class ImageWorkerSettings(ServiceSettings):
    """What the image worker is told.

    :ivar lease_seconds: how long a job is the worker's without a sign of life
    :ivar export_days: how long an export is kept, and the link to it that is mailed is good
    :ivar unknown_policy: after an attempt that may be on the bill: `give-up`, or `retry:N`
    :ivar painter_models: what the painter calls our models, as JSON; others have the same name there
    :ivar second_painter_base_url: another server that speaks OpenAI's images API, called while the first may not be;
        `off`: there is none
    :ivar second_painter_models: what it calls the first painter's models, as JSON; others have the same name there
    :ivar longest_wait_for_account_seconds: while no painter takes our account (its key, its credit), what was asked for
        longer ago ends and its credits return
    :ivar ecs_agent_uri: set by ECS itself
    :ivar quarantine_bucket: where pictures go that were taken down, and evidence
    :ivar distribution_id: CloudFront's; `none` where none stands in front
    :ivar moderation_model: the provider's; `off` leaves moderation to the painter and to what is known here
    :ivar content_credentials: the key that signs pictures, and its certificates, as PEM
    """

    image_jobs_queue_url: str
    pictures_bucket: str
    uploads_bucket: str
    openai_api_key: SecretStr
    openai_base_url: str
    image_model: str
    painter_models: dict[str, str] = Field(default_factory=dict)
    safety_identifier_key: SecretStr
    quarantine_bucket: str
    distribution_id: str = Field(min_length=1)
    moderation_model: str = Field(min_length=1)
    moderation_when_down: WhenDown
    content_credentials: SecretStr
    concurrency: int = Field(default=8, ge=1, le=100)
    lease_seconds: int = Field(default=60, ge=3, le=3600)
    painter_timeout_seconds: int = Field(default=600, ge=1, le=3600)
    longest_wait_for_account_seconds: int = Field(default=600, ge=0, le=7 * 86_400)
    stop_timeout_seconds: int = Field(default=120, ge=2, le=120)
    exports_queue_url: str
    export_days: int = Field(default=7, ge=1, le=30)
    picture_url_key: SecretStr
    picture_url_key_id: str
    public_url: str = Field(pattern=r"^https://[^/]+$")
    unknown_policy: str = Field(default="retry:1", pattern=r"^(give-up|retry:[1-9])$")
    second_painter_base_url: str = Field(default="off", pattern=r"^(off|https?://\S+)$")
    second_painter_api_key: SecretStr = SecretStr("")
    second_painter_models: dict[str, str] = Field(default_factory=dict)
    ecs_agent_uri: str = ""


class MailWorkerSettings(ServiceSettings):
    """What the mail worker is told.

    :ivar mail_sender: what stands in From: an address, with or without a name
    :ivar mail_kept_days: address and facts of a mail are erased so many days after its end
    :ivar lease_seconds: how long a mail is the worker's; SES is not called for longer
    :ivar public_url: of the front door, where people unsubscribe
    """

    mail_queue_url: str
    mail_events_queue_url: str
    mail_sender: str = Field(min_length=3)
    mail_configuration_set: str = Field(min_length=1)
    mail_kept_days: int = Field(default=30, ge=1, le=3650)
    unsubscribe_key: SecretStr
    public_url: str = Field(pattern=r"^https://[^/]+$")
    concurrency: int = Field(default=8, ge=1, le=100)
    lease_seconds: int = Field(default=60, ge=3, le=3600)
    stop_timeout_seconds: int = Field(default=30, ge=2, le=120)


class OutboxRelaySettings(ServiceSettings):
    """What the relay is told.

    :ivar guests_identity_pool_id: if empty, guests get no identity in Cognito
    :ivar unused_guest_days: guests whose last use is so long ago go away
    :ivar receipt_key: shows that a receipt of a deletion is ours
    :ivar reconcile_margin_hours: what is younger is never taken for a leftover
    :ivar reconcile_repair: whether the daily reconciliation removes what it finds
    """

    image_jobs_queue_url: str
    mail_queue_url: str
    mail_events_queue_url: str
    lost_ticket_seconds: int = Field(default=90, ge=1, le=86400)
    guests_identity_pool_id: str = ""
    unused_guest_days: int = Field(default=400, ge=30, le=36500)
    exports_queue_url: str
    pictures_bucket: str
    members_pool_id: str
    receipt_key: SecretStr
    reconcile_margin_hours: int = Field(default=48, ge=24, le=8760)
    reconcile_repair: bool = True


S = TypeVar("S", bound=BaseSettings)


def read(settings: type[S]) -> S:
    """Read the environment.

    :raises WrongSettings: names the variables that are missing or wrong, and never shows a value
    """
    try:
        return settings()
    except SettingsError as error:
        # Its message names the variable, the one before it shows the value.
        raise WrongSettings(f"The environment is not right:\n  {error}") from None
    except ValidationError as error:
        faults = [f"  {'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in error.errors()]
        raise WrongSettings("The environment is not right:\n" + "\n".join(faults)) from None
