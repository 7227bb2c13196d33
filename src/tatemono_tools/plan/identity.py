"""The plan's section `identity`: user pools, identity pools, and the function that Cognito calls."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tatemono_tools.plan.section import Name, Section, VariableName


class UserPoolClient(Section):
    """The one app client of a pool. It is confidential: only a service that knows `secret` may use it.

    :ivar flows: Cognito's ExplicitAuthFlows, without `ALLOW_`
    :ivar callback_path: below the building's address, for sign-in through the pool's own pages; needs a domain
    :ivar sign_out_path: where these pages lead after signing out
    """

    secret: Name
    flows: tuple[Literal["ADMIN_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH"], ...]
    callback_path: str | None = Field(default=None, pattern=r"^/[a-z0-9/_-]*$")
    sign_out_path: str | None = Field(default=None, pattern=r"^/[a-z0-9/_-]*$")


class UserPool(Section):
    """Cognito: people with an e-mail address and a password.

    :ivar sign_up: `open`: people sign up themselves, or `closed`: an operator makes the users
    :ivar password_min_characters: Cognito takes 6 to 99. There are no rules about kinds of characters (NIST SP 800-63B)
    :ivar totp: authenticator apps: `optional` for those who want it, or `required`
    :ivar attributes: custom text attributes, which never change once they are set
    :ivar domain: whether the pool has sign-in pages of its own, at `<plan>-<environment>-<pool>.auth.…`
    :ivar post_confirmation: the function that Cognito calls when a user has confirmed an address or set a new password
    """

    sign_up: Literal["open", "closed"]
    password_min_characters: int = Field(ge=8, le=99)
    totp: Literal["optional", "required"]
    groups: tuple[Name, ...] = ()
    attributes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,19}$")], ...] = ()
    domain: bool = False
    post_confirmation: Name | None = None
    client: UserPoolClient

    @model_validator(mode="after")
    def _callback_with_domain(self) -> Self:
        if self.domain != (self.client.callback_path is not None):
            raise ValueError("domain and the client's callback_path belong together")
        if self.domain != (self.client.sign_out_path is not None):
            raise ValueError("domain and the client's sign_out_path belong together")
        return self


class IdentityPool(Section):
    """Cognito: identities of guests, who have no password."""

    unauthenticated: bool


class Function(Section):
    """A Lambda function, whose zip `tatemono lambda build` makes.

    :ivar handler: module and function
    :ivar timeout_seconds: Cognito waits 5 seconds for a function and calls it three times at most
    :ivar secrets: variables that hold the ARN of a secret; the function may read these and no other
    """

    handler: str = Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$")
    memory_mib: int = Field(ge=128, le=10240)
    timeout_seconds: int = Field(ge=1, le=5)
    secrets: dict[VariableName, Name]


class Identity(Section):
    user_pools: dict[Name, UserPool]
    identity_pools: dict[Name, IdentityPool]
    functions: dict[Name, Function]

    def parameters(self) -> set[str]:
        """Names of the plan's parameters that the building provides for this section."""
        names = {
            f"{pool}-{fact}" for pool in self.user_pools for fact in ("pool-id", "client-id", "issuer", "jwks-url")
        }
        names |= {f"{pool}-domain-url" for pool, part in self.user_pools.items() if part.domain}
        return names | {f"{pool}-identity-pool-id" for pool in self.identity_pools}
