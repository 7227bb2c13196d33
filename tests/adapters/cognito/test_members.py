"""The members' user pool, against the embedded cloud."""

import base64
import hashlib
import hmac
import struct
import time
from uuid import uuid4

import pytest

from mailbox_of import PASSWORD, Mailbox
from tatemono.adapters.cognito.members import CognitoMembers, cognito_members
from tatemono.domain.identity.members import CodeRefused, MembersUnavailable, Password, SignInRefused, TotpRequired
from tatemono_tools.laptop.provision.cloud_resources import Cloud
from tatemono_tools.laptop.provision.identity_resources import Pools

pytest_plugins = ["members"]

RIGHT, WRONG = Password(PASSWORD), Password("horse in the cellar")


def totp(secret: str) -> str:
    """RFC 6238, of now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.fixture
async def member(member_pool: CognitoMembers, mailbox: Mailbox) -> str:
    """The address of a confirmed member."""
    user_id = uuid4()
    await member_pool.sign_up(mailbox.address, RIGHT, user_id)
    await member_pool.confirm(mailbox.address, mailbox.codes()[-1], user_id)
    return mailbox.address


class TestSignUp:
    async def test_makes_a_member_of_whoever_reads_the_mail(
        self, member_pool: CognitoMembers, mailbox: Mailbox
    ) -> None:
        user_id = uuid4()
        await member_pool.sign_up(mailbox.address, RIGHT, user_id)
        (code,) = mailbox.codes()
        with pytest.raises(CodeRefused):
            await member_pool.confirm(mailbox.address, another(code), user_id)
        with pytest.raises(SignInRefused):
            await member_pool.sign_in(mailbox.address, RIGHT, None)
        confirmed = await member_pool.confirm(mailbox.address, code, user_id)
        assert (confirmed.email, confirmed.user_id) == (mailbox.address, user_id)
        assert await member_pool.sign_in(mailbox.address, RIGHT, None) == confirmed

    async def test_is_confirmed_again_when_the_answer_was_lost(
        self, member_pool: CognitoMembers, mailbox: Mailbox
    ) -> None:
        user_id = uuid4()
        await member_pool.sign_up(mailbox.address, RIGHT, user_id)
        (code,) = mailbox.codes()
        first = await member_pool.confirm(mailbox.address, code, user_id)
        assert await member_pool.confirm(mailbox.address, code, user_id) == first

    async def test_is_confirmed_by_its_own_guest_only(self, member_pool: CognitoMembers, mailbox: Mailbox) -> None:
        await member_pool.sign_up(mailbox.address, RIGHT, uuid4())
        with pytest.raises(CodeRefused):
            await member_pool.confirm(mailbox.address, mailbox.codes()[-1], uuid4())

    async def test_gives_way_to_a_later_one_until_it_is_confirmed(
        self, member_pool: CognitoMembers, mailbox: Mailbox
    ) -> None:
        squatter, owner = uuid4(), uuid4()
        await member_pool.sign_up(mailbox.address, WRONG, squatter)
        await member_pool.sign_up(mailbox.address, RIGHT, owner)
        code = mailbox.codes()[-1]
        with pytest.raises(CodeRefused):
            await member_pool.confirm(mailbox.address, code, squatter)
        assert (await member_pool.confirm(mailbox.address, code, owner)).user_id == owner
        with pytest.raises(SignInRefused):
            await member_pool.sign_in(mailbox.address, WRONG, None)

    async def test_tells_nobody_that_an_address_is_taken(
        self, member_pool: CognitoMembers, mailbox: Mailbox, member: str
    ) -> None:
        sent = mailbox.codes()
        await member_pool.sign_up(member, WRONG, uuid4())
        assert mailbox.codes() == sent
        await member_pool.sign_in(member, RIGHT, None)

    async def test_sends_the_code_again(self, member_pool: CognitoMembers, mailbox: Mailbox) -> None:
        user_id = uuid4()
        await member_pool.sign_up(mailbox.address, RIGHT, user_id)
        await member_pool.resend(mailbox.address)
        await member_pool.resend("nobody@example.com")
        assert len(mailbox.codes()) == 2
        await member_pool.confirm(mailbox.address, mailbox.codes()[-1], user_id)


class TestSignIn:
    async def test_refuses_all_others_alike(
        self, member_pool: CognitoMembers, member: str, opened_cloud: Cloud, user_pools: Pools
    ) -> None:
        texts = set()
        for address, password in ((member, WRONG), ("nobody@example.com", RIGHT)):
            with pytest.raises(SignInRefused) as refused:
                await member_pool.sign_in(address, password, None)
            texts.add((refused.value.text("en"), refused.value.text("ja")))
        place = {"UserPoolId": user_pools.ids["members"], "Username": member}
        await opened_cloud.cognito_idp.admin_disable_user(**place)
        with pytest.raises(SignInRefused) as refused:
            await member_pool.sign_in(member, RIGHT, None)
        assert texts == {(refused.value.text("en"), refused.value.text("ja"))}

    async def test_is_not_possible_without_the_secret_of_the_client(
        self, member_pool: CognitoMembers, member: str, user_pools: Pools
    ) -> None:
        facts = user_pools.parameters
        async with cognito_members(facts["members-pool-id"], facts["members-client-id"], "guessed") as stranger:
            with pytest.raises(SignInRefused):
                await stranger.sign_in(member, RIGHT, None)
            with pytest.raises(MembersUnavailable):
                await stranger.sign_up("other@example.com", RIGHT, uuid4())

    async def test_says_when_cognito_is_away(
        self, monkeypatch: pytest.MonkeyPatch, user_pools: Pools, member: str
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        async with cognito_members("nowhere_1", "nobody", "nothing") as away:
            with pytest.raises(MembersUnavailable):
                await away.sign_in(member, RIGHT, None)


class TestReset:
    async def test_takes_the_code_of_the_mail(self, member_pool: CognitoMembers, mailbox: Mailbox, member: str) -> None:
        await member_pool.forgot(member)
        await member_pool.forgot("nobody@example.com")
        code = mailbox.codes()[-1]
        for address, wrong in ((member, another(code)), ("nobody@example.com", code)):
            with pytest.raises(CodeRefused):
                await member_pool.reset(address, wrong, WRONG)
        assert (await member_pool.reset(member, code, WRONG)).email == member
        await member_pool.sign_in(member, WRONG, None)
        with pytest.raises(SignInRefused):
            await member_pool.sign_in(member, RIGHT, None)

    async def test_opens_no_membership_that_was_never_confirmed(
        self, member_pool: CognitoMembers, mailbox: Mailbox
    ) -> None:
        await member_pool.sign_up(mailbox.address, WRONG, uuid4())
        await member_pool.forgot(mailbox.address)
        (code,) = mailbox.codes()  # of the sign-up: none came for a password
        with pytest.raises(CodeRefused):
            await member_pool.reset(mailbox.address, code, RIGHT)


class TestChanges:
    async def test_set_another_password(self, member_pool: CognitoMembers, member: str) -> None:
        with pytest.raises(SignInRefused):
            await member_pool.change_password(member, WRONG, Password("a third one"), None)
        await member_pool.change_password(member, RIGHT, Password("a third one"), None)
        await member_pool.sign_in(member, Password("a third one"), None)

    async def test_set_another_address_when_its_mail_was_read(
        self, member_pool: CognitoMembers, mailbox: Mailbox, member: str
    ) -> None:
        new = Mailbox(mailbox.cloud, f"new-{member}")
        await member_pool.change_email(member, RIGHT, None, new.address)
        (code,) = new.codes()
        before = await member_pool.sign_in(member, RIGHT, None)
        with pytest.raises(CodeRefused):
            await member_pool.confirm_email(member, RIGHT, None, another(code))
        changed = await member_pool.confirm_email(member, RIGHT, None, code)
        assert (changed.sub, changed.email) == (before.sub, new.address)
        assert await member_pool.sign_in(new.address, RIGHT, None) == changed
        with pytest.raises(SignInRefused):
            await member_pool.sign_in(member, RIGHT, None)

    async def test_tell_nobody_that_the_new_address_is_taken(
        self, member_pool: CognitoMembers, mailbox: Mailbox, member: str
    ) -> None:
        other, user_id = Mailbox(mailbox.cloud, f"other-{member}"), uuid4()
        await member_pool.sign_up(other.address, RIGHT, user_id)
        await member_pool.confirm(other.address, other.codes()[-1], user_id)
        sent = other.codes()
        await member_pool.change_email(member, RIGHT, None, other.address)
        assert other.codes() == sent

    async def test_ask_for_an_authenticator_app(self, member_pool: CognitoMembers, member: str) -> None:
        secret = await member_pool.set_up_totp(member, RIGHT, None)
        await member_pool.sign_in(member, RIGHT, None)
        with pytest.raises(CodeRefused):
            await member_pool.confirm_totp(member, RIGHT, None, another(totp(secret)))
        await member_pool.confirm_totp(member, RIGHT, None, totp(secret))
        for wrong in (None, another(totp(secret))):
            with pytest.raises(TotpRequired):
                await member_pool.sign_in(member, RIGHT, wrong)
        with pytest.raises(SignInRefused):
            await member_pool.sign_in(member, WRONG, totp(secret))
        await member_pool.sign_in(member, RIGHT, totp(secret))
        await member_pool.remove_totp(member, RIGHT, totp(secret))
        await member_pool.sign_in(member, RIGHT, None)

    async def test_end_the_membership(self, member_pool: CognitoMembers, member: str) -> None:
        known = await member_pool.sign_in(member, RIGHT, None)
        for _ in range(2):
            await member_pool.delete(known.sub)
        with pytest.raises(SignInRefused):
            await member_pool.sign_in(member, RIGHT, None)
