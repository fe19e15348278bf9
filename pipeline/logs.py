"""Structured logs: ECS JSON for machines, readable lines on a terminal."""

import logging
import sys
from typing import cast

import ecs_logging
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline.config.schema import Logging
from pipeline.masking import masked
from pipeline.secrets import DEFAULT_RESOLVER


def configure(config: Logging, *, stage: str) -> None:
    """Set up logging of this process, to standard error, once."""
    readable = config.format == "console" or (config.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[config.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stage(stage),
        structlog.processors.format_exc_info,
        _mask,
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
    _take_over_libraries()


def worth_a_line(count: int) -> bool:
    """Whether the so-manieth of the same is logged: the 1st, 10th, 100th, then each thousandth.

    For what the other side may do with every message; a log of nothing else helps nobody.
    """
    return count in (1, 10, 100) or count % 1_000 == 0


def _take_over_libraries() -> None:
    """What libraries log by the standard library comes out as our own lines do, warnings on."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Libraries)]:
        root.removeHandler(handler)
    root.addHandler(_Libraries(logging.WARNING))
    for name in _TOLD_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL)


#: What these have to say comes to us as exceptions or callbacks as well, and is told once.
_TOLD_BY_US = ("nats", "elastic_transport")


class _Libraries(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            told = structlog.get_logger(record.name)
            told.log(
                record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
            )
        except Exception:  # a library's faulty log call must not end what it was called from
            self.handleError(record)


def _mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The last line of defence: no secret that was fetched, nor what looks like one."""
    for key, value in event.items():
        if not isinstance(value, bool | int | float | None):
            event[key] = masked(DEFAULT_RESOLVER.mask(str(value)))
    return event


def _stage(stage: str) -> Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("stage", stage)
        return event

    return add


#: Keys that ECS or structlog know; all else goes under ``labels`` so that no foreign field appears.
_KNOWN = {"event", "exception", "message", "stage"}


def _labels(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.pop("level")  # the formatter says it as log.level
    logger = event.pop("logger", None)
    labels = {key: str(event.pop(key)) for key in list(event) if key not in _KNOWN}
    stage = event.pop("stage", None)
    event["service"] = {"name": "tapewatch", "type": stage}
    if logger is not None:
        event["log"] = {"logger": logger}
    if "exception" in event:
        event["error"] = {"stack_trace": event.pop("exception")}
    if labels:
        event["labels"] = labels
    return event
