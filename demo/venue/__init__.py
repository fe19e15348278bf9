"""A small, real exchange that speaks the Coinbase Exchange protocol on loopback.

`matching` is the engine, `server` the WebSocket and REST front, `scenario` the scripted session
with honest and abusive participants, `load` a source of frames for benchmarks.
"""
