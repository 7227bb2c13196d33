"""`python -m tatemono.entrypoints.web`."""

from tatemono.entrypoints.http.serving import serve
from tatemono.entrypoints.web.app import open_app
from tatemono.settings import WebSettings, read


def main() -> None:
    serve(open_app, read(WebSettings))


if __name__ == "__main__":
    main()
