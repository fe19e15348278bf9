"""Order logs: files with a step of an order, or a trade, per line (``docs/order-log.md``)."""

from collectors.order_log.collector import OrderLogCollector

__all__ = ["OrderLogCollector"]
