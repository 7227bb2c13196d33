import asyncio
import re
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from running_studio import RunningStudio

README = Path(__file__).parents[2] / "src" / "tatemono_studio" / "README.md"


class TestReadme:
    async def test_has_an_example_that_paints(self, studio: RunningStudio, tmp_path: Path) -> None:
        (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        assert "http://127.0.0.1:8050" in example
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", example.replace("http://127.0.0.1:8050", studio.url), cwd=tmp_path
        )
        assert await process.wait() == 0
        assert Image.open(BytesIO((tmp_path / "boat.png").read_bytes())).size == (1024, 1024)
