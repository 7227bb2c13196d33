"""`python -m tatemono.entrypoints.mobile_api`."""

from tatemono.entrypoints.http.serving import serve
from tatemono.entrypoints.mobile_api.app import open_app
from tatemono.settings import MobileApiSettings, read


def main() -> None:
    serve(open_app, read(MobileApiSettings))


if __name__ == "__main__":
    main()
