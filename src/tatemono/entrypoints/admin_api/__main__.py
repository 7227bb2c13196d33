"""`python -m tatemono.entrypoints.admin_api`."""

from tatemono.entrypoints.admin_api.app import open_app
from tatemono.entrypoints.http.serving import serve
from tatemono.settings import AdminApiSettings, read


def main() -> None:
    serve(open_app, read(AdminApiSettings))


if __name__ == "__main__":
    main()
