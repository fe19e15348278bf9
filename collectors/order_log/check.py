"""What ``tapewatch doctor`` says of an order log, or of other files of lines: are there any, and
can the first line be read."""

from collections.abc import Callable

from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_lines import HeaderCheck, LogLine, LogReader
from pipeline.config.sources import OrderLogSource, SocialFeedSource
from pipeline.findings import Finding
from pipeline.order_log_columns import header_faults
from pipeline.trade_sides import decode_context


def _nothing(line: LogLine) -> str:
    return line.problem


def check_order_log(
    source: OrderLogSource | SocialFeedSource,
    *,
    page: str = "docs/order-log.md",
    header: HeaderCheck = header_faults,
    wrong: Callable[[LogLine], str] = _nothing,
) -> Finding:
    """A finding on one source; nothing but the first line is read (of CSV also the columns,
    `header` with what is wrong with them), `wrong` with what it says."""
    subject = f"source {source.name}"
    try:
        files = LogFiles(source.path)
        names = files.names()
        reader = LogReader(files, longest=source.max_frame, header=header)
        try:
            line = next(reader.read(), None)
        finally:
            reader.close()
    except OSError as error:
        return Finding(
            level="error",
            subject=subject,
            message=f"{source.path} can't be read: {error.strerror or error}",
            advice="correct path, or the rights",
        )
    if not names:
        return Finding(
            level="warning",
            subject=subject,
            message=f"there is no file yet: {source.path}",
            advice="correct path, unless the log is still to come",
        )
    said = f"{len(names):,} file(s), {names[-1]} the last"
    if line is None:
        return Finding(level="ok", subject=subject, message=f"{said}; no line yet")
    if problem := line.problem or wrong(line):
        return Finding(
            level="error",
            subject=subject,
            message=f"{line.place.name}: {problem}",
            advice=f"see {page}",
        )
    context = decode_context(line.context)
    form = "messages of FIX" if context.form == "fix" else "NDJSON"
    if context.columns is not None:
        form = f"CSV of {context.columns.count(',') + 1} columns"
    return Finding(level="ok", subject=subject, message=f"{said}; {form}")
