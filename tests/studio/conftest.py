from collections.abc import AsyncIterator, Callable
from io import BytesIO

import pytest
from PIL import Image

from running_studio import RunningStudio, StudioWith, run_studio


@pytest.fixture(scope="session")
async def shared_studio() -> AsyncIterator[RunningStudio]:
    async with run_studio() as running:
        yield running


@pytest.fixture
async def studio(shared_studio: RunningStudio) -> AsyncIterator[RunningStudio]:
    yield shared_studio
    await shared_studio.http.delete("/studio/faults")


@pytest.fixture
def studio_with() -> StudioWith:
    """A studio of one's own: other settings, another day."""
    return run_studio


@pytest.fixture(scope="session")
def photo() -> Callable[..., bytes]:
    """A picture as a user might upload it: two colours, left and right."""

    def make(
        width: int = 300, height: int = 200, kind: str = "PNG", left: str = "#c03030", right: str = "#3050c0"
    ) -> bytes:
        picture = Image.new("RGB", (width, height), left)
        picture.paste(right, (width // 2, 0, width, height))
        buffer = BytesIO()
        picture.save(buffer, kind)
        return buffer.getvalue()

    return make
