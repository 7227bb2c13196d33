"""A change to a piece of text, and what kind of change it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Characters of a text and what stands there instead.

    :ivar start: of the first character that goes
    :ivar end: behind the last one
    """

    kind: str
    start: int
    end: int
    became: str

    def within(self, offset: int) -> "Change":
        """The same change in a longer text, of which this one is the part from `offset` on."""
        return Change(self.kind, self.start + offset, self.end + offset, self.became)

    def applied(self, text: str) -> str:
        return text[: self.start] + self.became + text[self.end :]
