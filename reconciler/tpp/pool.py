"""The pool of connections to one server: straight to it, or through a proxy when the environment names one."""

import ssl
from typing import Any
from urllib.request import getproxies

import urllib3

from reconciler.tpp.connection import POOLS


def open_pool(origin: str, context: ssl.SSLContext, size: int, *, proxied: bool) -> Any:  # noqa: ANN401 - one of our pools
    """Return a urllib3 pool that keeps `size` connections. Raises ServerFailure for a malformed proxy URL.

    `proxied` says whether a proxy of the environment counts. Without one requests is not needed, which takes as
    long to import as a few hundred calls take.
    """
    if proxied and getproxies():
        from reconciler.tpp.proxied import proxied_pool

        return proxied_pool(origin, context, size)
    manager = urllib3.PoolManager(num_pools=1, maxsize=size, ssl_context=context, cert_reqs="CERT_REQUIRED")
    manager.pool_classes_by_scheme = POOLS
    return manager.connection_from_url(origin)
