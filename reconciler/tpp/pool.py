"""The pool of connections to one server: straight to it, or through a proxy when the environment names one.

The classes here are hooks of urllib3, as those of connection.py are.
"""

import queue
import ssl
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from reconciler.tpp.connection import Heads, Watched, WatchedTls
from reconciler.tpp.usual_http import Reply

_NOT_LEARNT: tuple[Mapping[str, str], None] = {}, None


class _Idle(queue.LifoQueue[Any]):
    """Connections that nobody uses, of which the last one is taken first. Nobody ever waits for one.

    A list's own append() and pop() are as safe as a lock around them, and every call needs both.
    """

    def get(self, block: bool = False, timeout: float | None = None) -> Any:  # noqa: ANN401, ARG002, FBT - queue's signature
        """Return the connection that was put back last. Raises Empty."""
        try:
            return self.queue.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:  # noqa: ANN401, ARG002, FBT - queue's signature
        """Keep a connection. Raises Full."""
        if len(self.queue) >= self.maxsize:
            raise queue.Full
        self.queue.append(item)


class _PlainPool(HTTPConnectionPool):
    """Besides urlopen() it makes a call again with what was learnt from the first one."""

    ConnectionCls = Watched
    QueueCls = _Idle

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's signature
        super().__init__(*args, **kwargs)
        self.heads: Heads = {}

    def _new_conn(self) -> Any:  # noqa: ANN401 - one of our connections
        """Make a connection that knows what the others have learnt."""
        connection: Any = super()._new_conn()
        connection.heads = self.heads
        return connection

    def call_again(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], read_timeout: float | None
    ) -> Any:  # noqa: ANN401 - urllib3's response, or what is one to its pool
        """Make a call that was made before. None when it can't be: it is new, or no connection stands; see urlopen().

        Failures are those of sockets and http.client, as they come.
        """
        said_with, head = self.heads.get((method, url), _NOT_LEARNT)
        if head is None or body is None or said_with != headers:
            return None
        connection: Any = self._get_conn()
        if connection.sock is None:
            self._put_conn(connection)
            return None
        connection.timeout = read_timeout
        try:
            answer = connection.ask_again(method, url, head.request(body))
        except BaseException:
            connection.close()
            self._put_conn(connection)
            raise
        if isinstance(answer, Reply):
            self._put_conn(connection)
        else:
            answer._connection, answer._pool = connection, self  # noqa: SLF001 - as urlopen() does
        return answer


class _TlsPool(_PlainPool, HTTPSConnectionPool):
    ConnectionCls = WatchedTls


POOLS: dict[str, type] = {"http": _PlainPool, "https": _TlsPool}
"""The kind of pool for each scheme, as urllib3's managers take them."""


def open_pool(origin: str, context: ssl.SSLContext, size: int, *, proxied: bool) -> Any:  # noqa: ANN401 - one of our pools
    """Return a urllib3 pool that keeps `size` connections. Raises ServerFailure for a malformed proxy URL.

    `proxied` says whether a proxy of the environment counts. Without one requests is not needed, which takes as
    long to import as a few hundred calls take.
    """
    if proxied and _names_a_proxy():
        from reconciler.tpp.proxied import proxied_pool

        return proxied_pool(origin, context, size)
    manager = urllib3.PoolManager(num_pools=1, maxsize=size, ssl_context=context, cert_reqs="CERT_REQUIRED")
    manager.pool_classes_by_scheme = POOLS
    return manager.connection_from_url(origin)


def _names_a_proxy() -> bool:
    from urllib.request import getproxies

    return bool(getproxies())
