"""Prometheus metrics of all stages. Changed once per batch, not once per event."""

from prometheus_client import Counter, Gauge, Histogram

#: Seconds; fine below a tenth of a second, where the product lives.
LATENCY_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)

MESSAGES_IN = Counter(
    "tapewatch_messages_in_total", "Frames, events or alerts that a stage took", ["stage", "source"]
)
MESSAGES_OUT = Counter(
    "tapewatch_messages_out_total", "Events, alerts or documents that it made", ["stage", "source"]
)
MESSAGES_DEAD = Counter(
    "tapewatch_messages_dead_total", "What went to the dead letters", ["stage", "source"]
)
MESSAGES_IGNORED = Counter(
    "tapewatch_messages_ignored_total",
    "Known messages that carry nothing to watch, such as acknowledgements",
    ["source", "type"],
)
SCHEMA_ERRORS = Counter(
    "tapewatch_schema_errors_total", "Messages that don't fit their protocol", ["source", "field"]
)
UNDECODED_LOGS = Counter(
    "tapewatch_undecoded_logs_total", "Logs of watched contracts with unknown signature", ["source"]
)
SOURCE_TO_ALERT = Histogram(
    "tapewatch_source_to_alert_seconds",
    "From the source's time of the completing event to its alert",
    ["typology"],
    buckets=LATENCY_BUCKETS,
)
RECEIVED_TO_ALERT = Histogram(
    "tapewatch_received_to_alert_seconds",
    "From the receipt of the completing frame to its alert",
    ["typology"],
    buckets=LATENCY_BUCKETS,
)
ALERTS = Counter("tapewatch_alerts_total", "Alerts", ["rule", "typology", "level"])
ALERT_UPDATES = Counter(
    "tapewatch_alert_updates_total",
    "Alerts that a chain reorganisation retracted or reinstated, or a revised trade amended",
    ["rule", "status"],
)
ALERTS_EXCEPTED = Counter(
    "tapewatch_alerts_excepted_total", "Alerts that an exception covered", ["exception"]
)
EVENTS_LATE = Counter(
    "tapewatch_events_late_total",
    "Events that came later than allowed, and were taken all the same",
)
EVENTS_REPEATED = Counter(
    "tapewatch_events_repeated_total", "Events that came again, and counted once"
)
CORRELATION_EVICTIONS = Counter(
    "tapewatch_correlation_evictions_total",
    "Groups and events that a correlation had no room for, and forgot",
    ["rule", "what"],
)
STREAM_LAG = Gauge(
    "tapewatch_stream_lag_messages",
    "Messages of the stream that a stage or sink has not taken yet",
    ["stage", "consumer"],
    multiprocess_mode="mostrecent",
)
SOURCE_CONNECTED = Gauge(
    "tapewatch_source_connected", "1 while connected", ["source"], multiprocess_mode="mostrecent"
)
SOURCE_LAG = Gauge(
    "tapewatch_source_lag_seconds",
    "How far a collector is behind its source",
    ["source"],
    multiprocess_mode="mostrecent",
)
SOURCE_DELAY = Gauge(
    "tapewatch_source_delay_seconds",
    "From the source's time of an event to its receipt, median; negative: its clock is ahead",
    ["source"],
    multiprocess_mode="mostrecent",
)
EVENTS_AHEAD = Counter(
    "tapewatch_events_ahead_total",
    "Events further ahead of their receipt than detections.clock_tolerance",
    ["source"],
)
REFERENCE_RECORDS = Gauge(
    "tapewatch_reference_records", "Records that a source of reference data has", ["source"]
)
REFERENCE_CHANGES = Counter(
    "tapewatch_reference_changes_total",
    "Records of reference data that came, changed or went",
    ["source", "change"],
)
REFERENCE_HELD_BACK = Counter(
    "tapewatch_reference_held_back_total",
    "Reads of reference data that lacked too much, and changed nothing",
    ["source"],
)
SOURCE_CHECK_CALLS = Counter(
    "tapewatch_source_check_calls_total",
    "Calls that ask about transfers on chain: answered, reverted, unavailable, limit or failed",
    ["source", "outcome"],
)
SOURCE_GAPS = Counter("tapewatch_source_gaps_total", "Breaks in a feed", ["source"])
PENDING_SKIPPED = Counter(
    "tapewatch_pending_skipped_total",
    "Pending transactions that were not looked at, or not followed",
    ["source", "reason"],
)
SOURCE_REORGANISATIONS = Counter(
    "tapewatch_source_reorganisations_total", "Times that a chain was reorganised", ["source"]
)
SOURCE_RECONNECTS = Counter(
    "tapewatch_source_reconnects_total", "Connections made anew", ["source"]
)
SINK_ERRORS = Counter(
    "tapewatch_sink_errors_total", "Deliveries that failed and are tried again", ["sink", "reason"]
)
STREAM_SIZE = Gauge(
    "tapewatch_stream_size_bytes",
    "What a stream of the bus holds",
    ["stream"],
    multiprocess_mode="mostrecent",
)
STREAM_LIMIT = Gauge(
    "tapewatch_stream_limit_bytes",
    "What a stream may hold (max_size)",
    ["stream"],
    multiprocess_mode="mostrecent",
)
STREAM_UNREAD_MESSAGES = Gauge(
    "tapewatch_stream_unread_messages",
    "Messages of a stream that at least one of its readers has not taken; of DEAD all",
    ["stream"],
    multiprocess_mode="mostrecent",
)
STREAM_UNREAD_BYTES = Gauge(
    "tapewatch_stream_unread_bytes",
    "The same in bytes, by the mean size of the stream's messages",
    ["stream"],
    multiprocess_mode="mostrecent",
)
STREAM_UNREAD_SHARE = Gauge(
    "tapewatch_stream_unread_share",
    "The same as a part of the limit, 0 to 1: at 1 writing waits",
    ["stream"],
    multiprocess_mode="mostrecent",
)
STREAM_PURGED = Counter(
    "tapewatch_stream_purged_total", "Messages that retention took out of a stream", ["stream"]
)
CLUSTERS_KNOWN = Gauge(
    "tapewatch_clusters",
    "Clusters of addresses that are known",
    multiprocess_mode="mostrecent",
)
CLUSTER_LINKS = Gauge(
    "tapewatch_cluster_links",
    "Links that hold clusters together",
    multiprocess_mode="mostrecent",
)
#: Of whoever keeps the streams: the supervisor, or a stage that runs alone.
STREAM_ROOM = (
    STREAM_SIZE,
    STREAM_LIMIT,
    STREAM_UNREAD_MESSAGES,
    STREAM_UNREAD_BYTES,
    STREAM_UNREAD_SHARE,
    STREAM_PURGED,
)
