"""The HTTP endpoint: ``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for supervision."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from msgspec import Struct, field
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from pipeline.config.schema import Observability
from pipeline.failure import CONFIGURATION, Failure


class Health(Struct):
    """What ``/readyz`` says. Without problems it is ready; warnings may become problems."""

    ready: bool = False
    problems: list[str] = field(default_factory=lambda: ["starting"])
    warnings: list[str] = field(default_factory=list[str])


class EndpointFailed(Failure):
    """The endpoint could not be opened."""

    code = CONFIGURATION


class Endpoint:
    """Serves in a thread of its own, so that a busy stage still answers."""

    def __init__(
        self,
        config: Observability,
        health: Callable[[], Health],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        try:
            self._server = ThreadingHTTPServer(
                (config.host, config.port), _handler(health, registry)
            )
        except OSError as error:
            raise EndpointFailed(
                f"can't listen on {config.host}:{config.port} for metrics ({error.strerror}): "
                "set another observability.port, 0 for any free one, or enabled: false"
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(
    health: Callable[[], Health], registry: CollectorRegistry
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif path == "/healthz":
                self._answer(200, b'{"alive":true}', "application/json")
            elif path == "/readyz":
                state = health()
                body = msgspec.json.encode(state)
                self._answer(200 if state.ready else 503, body, "application/json")
            else:
                self._answer(404, b"see /metrics, /healthz, /readyz\n", "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not news."""

    return Handler
