"""TLS: what is trusted and what we present. There is no way to turn verification off."""

import ssl
from pathlib import Path

import certifi

from reconciler.errors import ServerFailure
from reconciler.model.settings import Tls


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return the context of all connections: TLS 1.2 at least, names and chains checked.

    A configured CA bundle is the only trust there is; without one it is the system's store.
    Raises ServerFailure for files that can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.ca_bundle:
        _trust(context, Path(tls.ca_bundle).expanduser())
    else:
        _trust_system(context)
    if tls.client_cert:
        _present(context, tls.client_cert, tls.client_key)
    return context


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
            return
        context.load_verify_locations(cafile=path)
    except OSError as error:
        why = "it holds no certificate (PEM)" if isinstance(error, ssl.SSLError) else error.strerror
        raise ServerFailure(f"CA bundle {path}: {why}", "check tls.ca_bundle or TPP_CA_BUNDLE") from None


def _trust_system(context: ssl.SSLContext) -> None:
    paths = ssl.get_default_verify_paths()
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if paths.cafile is None and paths.capath is None and not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(cafile=certifi.where())


def _present(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    path = Path(certificate).expanduser()
    key_path = Path(key).expanduser() if key else None
    try:
        context.load_cert_chain(path, key_path, password=lambda: b"")
    except OSError as error:
        why = "certificate and key can't be used" if isinstance(error, ssl.SSLError) else error.strerror
        raise ServerFailure(
            f"client certificate {path}" + (f" with key {key_path}" if key_path else "") + f": {why}",
            "both must be PEM, belong together and have no passphrase; check tls.client_cert and tls.client_key",
        ) from None
