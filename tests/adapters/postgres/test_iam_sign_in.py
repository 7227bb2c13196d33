"""Signing in without a password: whom a token is for, and who needs none."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tatemono.adapters.postgres.iam_sign_in import password_for

HOST = "tatemono-test.c0ffee.ap-northeast-1.rds.amazonaws.com"


class TestPasswordFor:
    @pytest.fixture(autouse=True)
    def _credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")

    async def test_signs_a_token_for_the_role_the_host_and_its_region(self) -> None:
        password = password_for(f"postgresql://mobile_api@{HOST}:5432/tatemono")
        assert password is not None
        token = urlsplit(f"https://{await password()}")
        query = parse_qs(token.query)
        assert (token.hostname, token.port) == (HOST, 5432)
        assert (query["Action"], query["DBUser"], query["X-Amz-Expires"]) == (["connect"], ["mobile_api"], ["900"])
        assert "/ap-northeast-1/rds-db/aws4_request" in query["X-Amz-Credential"][0]

    @pytest.mark.parametrize(
        "dsn",
        [
            f"postgresql://mobile_api:secret@{HOST}:5432/tatemono",
            "postgresql://mobile_api@127.0.0.1:5432/tatemono",
            "postgresql:///tatemono",
            "postgresql://mobile_api@rds.amazonaws.com.example.com:5432/tatemono",
        ],
    )
    def test_leaves_passwords_and_other_servers_alone(self, dsn: str) -> None:
        assert password_for(dsn) is None
