"""Mails in words, of every kind and in both languages."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mail_examples import FACTS_OF, mail_of
from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.mail.message import DEVICE_EVENTS, MailKind
from tatemono.usecases.mail.ports import RenderedEmail

LETTERS = JinjaEmailRenderer(UnsubscribeLinks(b"a key for tests", public_url="https://tatemono.example"))

WORDS = {
    ("deletes_at", "en"): "25 December 2026, 01:30 UTC",
    ("deletes_at", "ja"): "2026年12月25日 10:30（日本時間）",
    ("expires_at", "en"): "28 December 2026, 01:30 UTC",
    ("expires_at", "ja"): "2026年12月28日 10:30（日本時間）",
    ("counts_until", "en"): "25 March 2027, 01:30 UTC",
    ("counts_until", "ja"): "2027年3月25日 10:30（日本時間）",
    ("suspended_until", "en"): "8 January 2027, 01:30 UTC",
    ("suspended_until", "ja"): "2027年1月8日 10:30（日本時間）",
    ("pictures", "en"): "1,234",
    ("pictures", "ja"): "1,234 枚",
    ("credits", "en"): "560",
    ("credits", "ja"): "560",
    ("size_bytes", "en"): "700 MB",
    ("size_bytes", "ja"): "700 MB",
}
for language in ("en", "ja"):
    WORDS["deleted_at", language] = WORDS["at", language] = WORDS["deletes_at", language]


class Page(HTMLParser):
    """What a person sees, and what a reader is told to fetch or follow."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.language = ""
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert not {"src", "background", "srcset", "onclick"} & values.keys()
        assert tag not in {"script", "img", "link", "iframe", "form"}
        if tag == "html":
            self.language = values["lang"] or ""
        if href := values.get("href"):
            self.links.append(href)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"}:
            self.words.append(data.strip())


def written(kind: MailKind, language: str, event: str = "") -> RenderedEmail:
    facts = FACTS_OF[kind] | ({"event": event} if event else {})
    return LETTERS.write(mail_of(kind, language=language, to="someone@example.com", facts=facts))


CASES = [(kind, language, "") for kind in MailKind for language in ("ja", "en")] + [
    (MailKind.DEVICE_ALERT, language, event) for event in DEVICE_EVENTS for language in ("ja", "en")
]


class TestLetters:
    @pytest.mark.parametrize(("kind", "language", "event"), CASES)
    def test_say_every_fact_in_html_and_in_text(self, kind: MailKind, language: str, event: str) -> None:
        letter = written(kind, language, event)
        page = Page(letter.html)
        for name, value in FACTS_OF[kind].items():
            if name == "event":
                continue
            if name == "url":
                assert value in page.links
                assert value in letter.text
                continue
            told = WORDS.get((name, language), str(value))
            for part in told.split("\n\n"):
                assert part in page.text
                assert part in letter.text

    @pytest.mark.parametrize(("kind", "language", "event"), CASES)
    def test_leave_no_placeholder_and_nothing_to_fetch(self, kind: MailKind, language: str, event: str) -> None:
        letter = written(kind, language, event)
        page = Page(letter.html)
        assert page.open == []
        assert page.language == language
        for text in (letter.subject, letter.text, page.text):
            assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|Undefined", text)
        assert "url(" not in letter.html
        assert "\n" not in letter.subject
        assert "&lt;" not in letter.text
        assert "\n\n\n" not in letter.text

    @pytest.mark.parametrize("kind", MailKind)
    def test_are_in_one_language_each(self, kind: MailKind) -> None:
        japanese = re.compile(r"[ぁ-んァ-ヶ一-龠]")
        assert japanese.search(written(kind, "ja").text)
        assert not japanese.search(written(kind, "en").text)
        if kind is not MailKind.ANNOUNCEMENT:  # its title is its writer's
            assert japanese.search(written(kind, "ja").subject)

    def test_say_of_a_new_device_something_else_than_of_a_copied_one(self) -> None:
        copied, new = (written(MailKind.DEVICE_ALERT, "en", event) for event in DEVICE_EVENTS)
        assert copied.subject != new.subject
        assert "did not get in" in copied.text
        assert "change your password" in new.text

    def test_show_what_people_wrote_as_they_wrote_it(self) -> None:
        letter = written(MailKind.DEVICE_ALERT, "en")
        assert "Pixel 12 &lt;Kitchen&gt;" in letter.html
        assert "Pixel 12 <Kitchen>" in letter.text
        assert written(MailKind.ANNOUNCEMENT, "en").subject == "Reference pictures & <styles>"

    def test_keep_a_subject_in_one_line(self) -> None:
        facts = FACTS_OF[MailKind.ANNOUNCEMENT] | {"title": "News\r\nBcc: someone@example.com"}
        assert LETTERS.write(mail_of(MailKind.ANNOUNCEMENT, facts=facts)).subject == "News Bcc: someone@example.com"

    def test_need_no_link_in_an_announcement(self) -> None:
        letter = LETTERS.write(mail_of(MailKind.ANNOUNCEMENT, facts={"title": "News", "body": "None today."}))
        assert len(Page(letter.html).links) == 1

    @pytest.mark.parametrize("kind", [kind for kind in MailKind if kind.optional])
    def test_can_be_unsubscribed_from_with_one_click_if_they_are_optional(self, kind: MailKind) -> None:
        letter = written(kind, "en")
        link = letter.headers["List-Unsubscribe"]
        assert re.fullmatch(r"<https://tatemono\.example/v1/api/mail/unsubscribe\?token=[\w.-]+>", link)
        assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert link[1:-1] in letter.text
        assert link[1:-1] in Page(letter.html).links
        assert "someone" not in link
        # SES takes 996 characters for name and value.
        assert max(len(name) + len(value) for name, value in letter.headers.items()) < 996

    @pytest.mark.parametrize("kind", [kind for kind in MailKind if not kind.optional])
    def test_of_other_kinds_cannot(self, kind: MailKind) -> None:
        letter = written(kind, "en")
        assert letter.headers == {"Auto-Submitted": "auto-generated"}
        assert "nsubscribe" not in letter.html + letter.text

    @pytest.mark.parametrize(
        ("count", "told"), [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KB"), (2**30, "1 GB"), (5 * 2**31, "10 GB")]
    )
    def test_tell_sizes_as_people_do(self, count: int, told: str) -> None:
        mail = mail_of(MailKind.EXPORT_READY)
        assert told in LETTERS.write(replace(mail, facts=mail.facts | {"size_bytes": count})).text  # type: ignore[operator]
