"""What a mail must be before it is written down."""

from typing import Any

import pytest

from mail_examples import FACTS_OF, mail_of
from tatemono.domain.mail.message import FACTS, Mail, MailKind, WrongMail


class TestMail:
    @pytest.mark.parametrize("kind", MailKind)
    @pytest.mark.parametrize("language", ["ja", "en"])
    def test_takes_the_facts_of_its_kind(self, kind: MailKind, language: str) -> None:
        assert mail_of(kind, language=language).facts == FACTS_OF[kind]

    @pytest.mark.parametrize("kind", MailKind)
    def test_names_the_fact_that_is_missing(self, kind: MailKind) -> None:
        for name in FACTS[kind]:
            with pytest.raises(WrongMail, match=rf"lacks {name}"):
                mail_of(kind, facts={other: value for other, value in FACTS_OF[kind].items() if other != name})

    def test_refuses_a_fact_that_its_kind_does_not_have(self) -> None:
        with pytest.raises(WrongMail, match="account_deleted has no password"):
            mail_of(MailKind.ACCOUNT_DELETED, facts=FACTS_OF[MailKind.ACCOUNT_DELETED] | {"password": "x"})

    @pytest.mark.parametrize(
        ("kind", "name", "value"),
        [
            (MailKind.EXPORT_READY, "url", "http://example.com/"),
            (MailKind.EXPORT_READY, "url", "https://example.com/a b"),
            (MailKind.EXPORT_READY, "expires_at", "2026-12-01T00:00:00"),
            (MailKind.EXPORT_READY, "expires_at", "tomorrow"),
            (MailKind.EXPORT_READY, "pictures", -1),
            (MailKind.EXPORT_READY, "pictures", True),
            (MailKind.EXPORT_READY, "pictures", "3"),
            (MailKind.EXPORT_READY, "pictures", 1.5),
            (MailKind.EXPORT_READY, "url", ["https://example.com/"]),
            (MailKind.EXPORT_READY, "url", 1),
            (MailKind.ACCOUNT_DELETED, "receipt", ""),
            (MailKind.ACCOUNT_DELETED, "receipt", ["x"]),
            (MailKind.ACCOUNT_DELETED, "receipt", None),
            (MailKind.ANNOUNCEMENT, "body", "x" * 10_001),
            (MailKind.DEVICE_ALERT, "event", "moved"),
        ],
    )
    def test_refuses_a_fact_of_another_sort_without_repeating_it(self, kind: MailKind, name: str, value: Any) -> None:
        with pytest.raises(WrongMail, match=name) as raised:
            mail_of(kind, facts=FACTS_OF[kind] | {name: value})
        assert len(str(raised.value)) < 100

    @pytest.mark.parametrize(
        ("kind", "name", "value"),
        [
            (MailKind.EXPORT_READY, "pictures", 0),
            (MailKind.ACCOUNT_DELETED, "receipt", "x"),
            (MailKind.ANNOUNCEMENT, "body", "x" * 10_000),
        ],
    )
    def test_takes_what_is_just_within_its_bounds(self, kind: MailKind, name: str, value: Any) -> None:
        assert mail_of(kind, facts=FACTS_OF[kind] | {name: value}).facts[name] == value

    def test_takes_the_longest_address_and_cause(self) -> None:
        address = f"{'a' * 64}@{'b' * (254 - 65 - 4)}.com"
        mail = Mail("x" * 200, MailKind.ACCOUNT_DELETED, address, "en", FACTS_OF[MailKind.ACCOUNT_DELETED])
        assert len(mail.to) == 254
        with pytest.raises(WrongMail, match="to"):
            mail_of(to=f"{'a' * 64}@{'b' * (255 - 65 - 4)}.com")
        with pytest.raises(WrongMail, match="to"):
            mail_of(to=f"{'a' * 65}@example.com")

    @pytest.mark.parametrize(
        "address",
        ["", "someone", "a@b", "a b@example.com", "a@example.com\nBcc: b@example.com", "A <a@example.com>", "a@" * 200],
    )
    def test_refuses_what_is_no_address(self, address: str) -> None:
        with pytest.raises(WrongMail, match="to"):
            mail_of(to=address)

    def test_refuses_a_language_that_nobody_writes(self) -> None:
        with pytest.raises(WrongMail, match="language"):
            mail_of(language="fr")

    @pytest.mark.parametrize("cause", ["", "x" * 201])
    def test_refuses_a_cause_that_names_nothing_or_too_much(self, cause: str) -> None:
        with pytest.raises(WrongMail, match="cause"):
            Mail(cause, MailKind.ACCOUNT_DELETED, "a@example.com", "en", FACTS_OF[MailKind.ACCOUNT_DELETED])
