"""``--metrics-port``: what Prometheus asks for."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kraken_doctor.cli.app import App
from kraken_doctor.errors import ConfigurationError


class _Collector(NamedTuple):
    """As prometheus_client asks for one."""

    collect: Callable[[], Iterator[Any]]


@contextlib.contextmanager
def served(
    app: App, port: int, address: str = "127.0.0.1", collect: Callable[[], Iterator[Any]] | None = None
) -> Iterator[None]:
    """
    Serve metrics while it is entered.

    Args:
        app: Says where.
        port: 0 takes a free one.
        address: Where to serve them.
        collect: Gives the families of metrics, in the server's own threads; by default those of this process.

    Raises:
        ConfigurationError: prometheus-client is not installed, or the port is not free.
    """
    try:
        from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
    except ImportError:
        raise ConfigurationError("--metrics-port needs an extra: pip install 'kraken-doctor[metrics]'") from None
    # The default one has this process's memory and garbage collector too, which in a watch are nobody's business.
    registry = CollectorRegistry() if collect else REGISTRY
    if collect:
        registry.register(_Collector(collect))
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as exc:
        raise ConfigurationError(f"--metrics-port {port}: {exc.strerror or exc} ({address[:80]})") from exc
    # An IPv6 address stands in brackets in a URL (RFC 3986, section 3.2.2).
    shown = f"[{address}]" if ":" in address else address
    app.output.info(f"Metrics: http://{shown}:{server.server_port}/metrics\n")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
