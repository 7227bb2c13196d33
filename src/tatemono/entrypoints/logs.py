"""Logs of a service: one JSON object a line, on standard output, where ECS and the laptop's supervisor collect them."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor


class _Requests:
    """The lines of requests, of which there are more than of all others: written here, without structlog's processors.

    They look as if structlog had written them.
    """

    def __init__(self) -> None:
        self._service = ""
        self.on = True

    def start(self, service_name: str, *, on: bool) -> None:
        self._service = service_name
        self.on = on

    def write(self, method: str, path: str, status: int, milliseconds: float, request_id: str) -> None:
        line = {
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": milliseconds,
            "request_id": request_id,
            "event": "request",
            "level": "info",
            "time": datetime.now(UTC),
            "service": self._service,
        }
        out = sys.stdout.buffer
        options = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
        try:
            written = orjson.dumps(line, option=options)
        except TypeError:  # a path that is no Unicode
            line["path"] = path.encode("utf-8", "backslashreplace").decode()
            written = orjson.dumps(line, option=options)
        out.write(written)
        out.flush()


_requests = _Requests()


def log_request(method: str, path: str, status: int, milliseconds: float, request_id: str) -> None:
    if _requests.on:
        _requests.write(method, path, status, milliseconds, request_id)


def start_logging(service_name: str, level: str) -> None:
    """Send every line of this process, ours and the libraries', to standard output as JSON.

    Texts of people (prompts, mail addresses, identifiers of devices) and secrets are never put into a line.
    """

    def name_service(_logger: object, _method: str, line: EventDict) -> EventDict:
        line["service"] = service_name
        return line

    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_service,
        # Never the values of variables: among them are prompts, tokens and keys.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    _requests.start(service_name, on=number <= logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    render = structlog.processors.JSONRenderer(serializer=lambda line, **_: _json(line).decode())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared[:3],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shared[3], render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # The libraries' chatter below a warning names URLs and headers.
    root.setLevel(max(number, logging.WARNING))


def _json(line: Any, **_: Any) -> bytes:
    return orjson.dumps(line, default=str)
