"""What the painter is asked for, and what it returns."""

from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any


@dataclass(frozen=True)
class PictureSpec:
    """One picture. `index` tells the pictures of one request apart; another `seed` gives another picture.

    `flagged_category` is the category under which moderation shall flag it, if any.
    """

    prompt: str
    width: int
    height: int
    quality: str = "medium"
    transparent: bool = False
    output_format: str = "png"
    compression: int = 100
    seed: int | None = None
    index: int = 0
    partials: int = 0
    sources: tuple[bytes, ...] = field(default=(), repr=False)
    mask: bytes | None = field(default=None, repr=False)
    flagged_category: str | None = None

    @property
    def key(self) -> str:
        """The same for specifications that give the same bytes."""
        digest = blake2b(digest_size=20)
        for entry in fields(self):
            digest.update(repr(_short(getattr(self, entry.name))).encode() + b"\0")
        return digest.hexdigest()


def _short(value: Any) -> Any:
    if isinstance(value, bytes):
        return blake2b(value, digest_size=20).digest()
    return tuple(map(_short, value)) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class PaintedPicture:
    """Encoded files: the picture, and the partial ones, the least detailed first."""

    final: bytes
    partials: tuple[bytes, ...]
