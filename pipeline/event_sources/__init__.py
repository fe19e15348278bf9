"""Events of the past, from where they lie: files, a range of the stream, Elasticsearch.

Every source gives lines of JSON, one event each, in batches that tell where they stand. What is in
a line is none of a source's business: the detections read it, and say what is wrong with it.
"""

from pipeline.event_sources.batches import Batch, EventSource

__all__ = ["Batch", "EventSource"]
