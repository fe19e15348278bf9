"""Structured logs: ECS JSON for machines, readable lines on a terminal."""

import logging
import sys
from typing import cast

import ecs_logging
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline.config.schema import Logging


def configure(config: Logging, *, stage: str) -> None:
    """Set up logging of this process, to standard error, once."""
    readable = config.format == "console" or (config.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[config.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stage(stage),
        structlog.processors.format_exc_info,
    ]
    rendering: list[Processor]
    if readable:
        rendering = [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
        ]
    else:
        rendering = [_labels, cast(Processor, ecs_logging.StructlogFormatter())]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log by the standard library; only what an operator must see gets through.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("nats").setLevel(logging.CRITICAL)


def _stage(stage: str) -> Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("stage", stage)
        return event

    return add


#: Keys that ECS or structlog know; all else goes under ``labels`` so that no foreign field appears.
_KNOWN = {"event", "level", "timestamp", "exception", "message", "stage"}


def _labels(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    labels = {key: str(event.pop(key)) for key in list(event) if key not in _KNOWN}
    stage = event.pop("stage", None)
    event["service"] = {"name": "tapewatch", "type": stage}
    if "exception" in event:
        event["error"] = {"stack_trace": event.pop("exception")}
    if labels:
        event["labels"] = labels
    return event
