"""The kinds of refusal. Each specific error subclasses one of them in the module that raises it."""

from typing import ClassVar


class Refusal(Exception):
    """Something that the caller asked for is refused, with a reason that a person can act on.

    Subclasses set `code` (stable, part of the API) and `texts` (language → text; `{names}` are filled from the
    keyword arguments of the constructor).
    """

    code: ClassVar[str]
    texts: ClassVar[dict[str, str]]

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.text("en"))

    def text(self, language: str) -> str:
        """The reason in `language`; in English if there is no such text."""
        return self.texts.get(language, self.texts["en"]).format_map(self.facts)


class Invalid(Refusal):
    """The request itself is wrong; the same request will never succeed."""


class Unauthenticated(Refusal):
    """The caller did not show who they are."""


class Forbidden(Refusal):
    """The caller may not do this."""


class NotFound(Refusal):
    """There is no such thing, or it is not the caller's."""


class Conflict(Refusal):
    """The state of things does not allow it."""


class Exhausted(Refusal):
    """A limit is reached: credits, requests, places."""


class Unavailable(Refusal):
    """Something that is needed does not answer; the same request may succeed later."""
