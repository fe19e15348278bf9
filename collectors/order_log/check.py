"""What ``tapewatch doctor`` says of an order log: is there one, and can its first line be read."""

from collectors.order_log.log_files import LogFiles
from collectors.order_log.log_lines import LogReader
from pipeline.config.sources import OrderLogSource
from pipeline.findings import Finding
from pipeline.trade_sides import decode_context


def check_order_log(source: OrderLogSource) -> Finding:
    """A finding on one source; nothing but the first line is read."""
    subject = f"source {source.name}"
    files = LogFiles(source.path)
    try:
        names = files.names()
        reader = LogReader(files, longest=source.max_frame)
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
    if line.problem:
        return Finding(
            level="error",
            subject=subject,
            message=f"{line.place.name}: {line.problem}",
            advice="see docs/order-log.md",
        )
    columns = decode_context(line.context).columns
    form = "NDJSON" if columns is None else f"CSV of {columns.count(',') + 1} columns"
    return Finding(level="ok", subject=subject, message=f"{said}; {form}")
