"""The steps of a sign-in, in order, none of which can be left out: the next one follows from what the user has."""

from collections.abc import Mapping
from typing import Any

from tatemono_tools.laptop.cloud.hosted import users
from tatemono_tools.laptop.cloud.hosted.lockout import Lockout
from tatemono_tools.laptop.cloud.hosted.sign_ins import SignIn, Step


class Refused(Exception):
    """The step is not done.

    :ivar text: which of the texts says why; `facts` fill it
    """

    def __init__(self, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.text = text
        self.facts = facts


def advance(sign_in: SignIn, form: Mapping[str, str], lockout: Lockout) -> bool:
    """Take what came for the step that the sign-in is at; what else the form says is not looked at.

    :returns: whether the person is signed in
    :raises Refused: it is wrong, or the name is locked
    """
    pool_id = sign_in.request.pool_id
    if sign_in.step is Step.PASSWORD:
        sign_in.username = users.normal_name(form.get("username", ""))
    if seconds := lockout.seconds(pool_id, sign_in.username):
        raise Refused("locked", seconds=seconds)
    pool = users.pool_of(pool_id)
    user = users.find(pool, sign_in.username)
    if sign_in.step is Step.PASSWORD:
        _check_password(sign_in, pool, user, form.get("password", ""), lockout)
    if user is None or not users.may_sign_in(user):
        raise Refused("wrong")
    if sign_in.step in {Step.ENROL, Step.CODE}:
        _take_code(sign_in, user, form.get("code", ""), lockout)
        return True
    if sign_in.step is Step.NEW_PASSWORD:
        _take_new_password(pool, user, form)
    following = _step_after_password(pool, user)
    if following is None:
        lockout.succeeded(pool_id, sign_in.username)
        return True
    sign_in.step = following
    if following is Step.ENROL:
        sign_in.app_secret = sign_in.app_secret or users.new_app_secret()
    return False


def _check_password(
    sign_in: SignIn, pool: dict[str, Any], user: dict[str, Any] | None, password: str, lockout: Lockout
) -> None:
    if not users.password_right(user, password):
        lockout.failed(sign_in.request.pool_id, sign_in.username)
        raise Refused("wrong")
    assert user is not None
    if users.temporary_password_is_over(pool, user):
        raise Refused("over")
    sign_in.username = user["Username"]


def _step_after_password(pool: dict[str, Any], user: dict[str, Any]) -> Step | None:
    """What is still missing; None: nothing, since the second factor is optional in this pool."""
    if users.must_choose_password(user):
        return Step.NEW_PASSWORD
    if users.has_app(user):
        return Step.CODE
    return Step.ENROL if pool.get("MfaConfiguration") == "ON" else None


def _take_new_password(pool: dict[str, Any], user: dict[str, Any], form: Mapping[str, str]) -> None:
    password = form.get("password", "")
    if not users.must_choose_password(user):
        # Another browser was quicker, with the same temporary password; a new sign-in needs the second factor too.
        raise Refused("wrong")
    if password != form.get("again"):
        raise Refused("different")
    if users.new_password_refused(pool, user, password):
        raise Refused("weak")
    users.choose_password(user, password)


def _take_code(sign_in: SignIn, user: dict[str, Any], code: str, lockout: Lockout) -> None:
    pool_id = sign_in.request.pool_id
    # Another tab may have set an app up meanwhile: then that one counts.
    enrols = sign_in.step is Step.ENROL and not users.has_app(user)
    secret = sign_in.app_secret if enrols else user.get("_totp_secret", "")
    if not secret or not users.take_code(user, secret, code.strip()):
        lockout.failed(pool_id, sign_in.username)
        raise Refused("wrong_code")
    if enrols:
        users.set_up_app(user, secret)
    lockout.succeeded(pool_id, sign_in.username)
