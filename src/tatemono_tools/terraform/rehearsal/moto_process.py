"""`python -m tatemono_tools.terraform.rehearsal.moto_process PORT`: moto with our shims, in the foreground."""

import sys

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tatemono_tools.terraform.rehearsal.idempotency import IdempotentWsgi
from tatemono_tools.terraform.rehearsal.moto_shims import install
from tatemono_tools.terraform.rehearsal.patches import check_moto


class _QuietHandler(MotoRequestHandler):
    # A connection for each of some thousand calls is what takes the time.
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # Errors are what a person looks for afterwards.
        if str(code)[:1] in "45":
            super().log_request(code, size)


def main() -> None:
    check_moto()
    install()
    application = IdempotentWsgi(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", int(sys.argv[1]), application, threaded=True, request_handler=_QuietHandler)
    server.serve_forever()


if __name__ == "__main__":
    main()
