"""A pool of connections through a proxy of the environment, which requests knows how to find and to talk to."""

import ssl
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from reconciler.errors import ServerFailure
from reconciler.tpp.pool import POOLS


class _Adapter(HTTPAdapter):
    """Gives requests our TLS settings and our connections."""

    def __init__(self, context: ssl.SSLContext, size: int) -> None:
        self._context = context
        super().__init__(pool_connections=2, pool_maxsize=size, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **rest: Any) -> None:  # noqa: ANN401, FBT
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **rest)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: Any,  # noqa: ANN401 - requests' signature
        cert: Any = None,  # noqa: ANN401 - requests' signature
    ) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED"}  # what is trusted stands in our context alone

    def proxy_manager_for(self, proxy: str, **rest: Any) -> urllib3.ProxyManager:  # noqa: ANN401 - requests' signature
        manager: urllib3.ProxyManager = super().proxy_manager_for(
            proxy, ssl_context=self._context, proxy_ssl_context=self._context, **rest
        )
        manager.pool_classes_by_scheme = POOLS
        return manager


def proxied_pool(origin: str, context: ssl.SSLContext, size: int) -> Any:  # noqa: ANN401 - one of our pools
    """Let requests work out the proxy (NO_PROXY included) for one origin, and return the urllib3 pool for it.

    The context is the only source of trust: `verify` never comes from the environment (requests would let
    REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE replace it). Raises ServerFailure for a malformed proxy URL.
    """
    try:
        session = requests.Session()
        adapter = _Adapter(context, size)
        asked = requests.Request("POST", origin).prepare()
        proxies = dict(session.merge_environment_settings(origin, {}, False, None, None)["proxies"])
        return adapter.get_connection_with_tls_context(asked, verify=True, proxies=proxies)
    except requests.RequestException:
        raise ServerFailure(
            "the proxy of the environment can't be used", "check HTTPS_PROXY, ALL_PROXY and NO_PROXY"
        ) from None
