"""Bodies about members. Passwords are `SecretStr` from the first moment: no log and no error shows one."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from tatemono.domain.identity.members import (
    MAX_EMAIL_CHARACTERS,
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    Password,
)
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example

_EMAIL = "aki@example.com"
_PASSWORD = "horse on the roof"  # noqa: S105 - an example

Email = Annotated[str, StringConstraints(min_length=3, max_length=MAX_EMAIL_CHARACTERS, pattern=NO_NUL)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(description="The six digits of the newest mail.")]
TotpCode = Annotated[
    str | None,
    StringConstraints(pattern=r"^[0-9]{6}$"),
    Field(description="What the authenticator app shows, for members who have one set up."),
]
KnownPassword = Annotated[SecretStr, Field(min_length=1, max_length=MAX_PASSWORD_CHARACTERS)]
NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=MIN_PASSWORD_CHARACTERS,
        max_length=MAX_PASSWORD_CHARACTERS,
        description="Any characters; only the length counts.",
    ),
]


class Address(RequestBody):
    model_config = example({"email": _EMAIL})

    email: Email


class Registration(RequestBody):
    model_config = example({"email": _EMAIL, "password": _PASSWORD})

    email: Email
    password: NewPassword


class Confirmation(RequestBody):
    model_config = example({"email": _EMAIL, "code": "402617"})

    email: Email
    code: Code


class MemberSignIn(RequestBody):
    model_config = example({"email": _EMAIL, "password": _PASSWORD})

    email: Email
    password: KnownPassword
    totp_code: TotpCode = None


class PasswordReset(RequestBody):
    model_config = example({"email": _EMAIL, "code": "402617", "password": _PASSWORD})

    email: Email
    code: Code
    password: NewPassword


class Reauthentication(RequestBody):
    """Members show the password once more when they change how they sign in."""

    model_config = example({"password": _PASSWORD})

    password: KnownPassword
    totp_code: TotpCode = None

    def known_password(self) -> Password:
        return Password(self.password.get_secret_value())


class PasswordChange(Reauthentication):
    model_config = example({"password": _PASSWORD, "new_password": "cat under the moon"})

    new_password: NewPassword


class EmailChange(Reauthentication):
    model_config = example({"password": _PASSWORD, "email": "aki@example.org"})

    email: Email


class EmailConfirmation(Reauthentication):
    model_config = example({"password": _PASSWORD, "code": "402617"})

    code: Code


class TotpConfirmation(Reauthentication):
    model_config = example({"password": _PASSWORD, "code": "402617"})

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(description="What the new app shows.")]


class OwnAddress(ResponseBody):
    model_config = example({"email": _EMAIL})

    email: str


class Authenticator(ResponseBody):
    model_config = example(
        {
            "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "uri": "otpauth://totp/Tatemono%3Aaki%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Tatemono",
        }
    )

    secret: Annotated[str, Field(description="Base32, to type in. It is shown this once.")]
    uri: Annotated[str, Field(description="For a QR code.")]
