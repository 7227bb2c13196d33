"""Logs of a service: one JSON object a line, on standard output, where ECS and the laptop's supervisor collect them."""

import logging
import sys

import orjson
import structlog


def start_logging(service_name: str, level: str) -> None:
    """Send every line of this process, ours and the libraries', to standard output as JSON.

    Texts of people (prompts, mail addresses, identifiers of devices) and secrets are never put into a line.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        lambda _logger, _method, event: {"service": service_name, **event},
    ]
    render: list[structlog.typing.Processor] = [
        # Without the local variables: they hold the prompts, the tokens, the identifiers.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(serializer=lambda value, **_: orjson.dumps(value, default=str).decode()),
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # The libraries' chatter below a warning names URLs and headers.
    root.setLevel(max(number, logging.WARNING))
