from collections.abc import Iterator

import pytest

from images_api import ImagesApi, served


@pytest.fixture
def api() -> ImagesApi:
    return ImagesApi()


@pytest.fixture
def url(api: ImagesApi) -> Iterator[str]:
    with served(api) as url:
        yield url
