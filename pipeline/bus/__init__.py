"""The bus: JetStream streams RAW, EVENTS, ALERTS and DEAD, read in order and written once."""

from pipeline.bus.connection import Bus, BusUnavailable
from pipeline.bus.reader import MessagesExpired, StreamMessage, StreamReader
from pipeline.bus.streams import Stream

__all__ = ["Bus", "BusUnavailable", "MessagesExpired", "Stream", "StreamMessage", "StreamReader"]
