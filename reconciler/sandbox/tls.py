"""TLS for the sandbox."""

import ssl
from pathlib import Path

from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source


def server_context(certificate: Path, key: Path | None = None, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the context of a TLS server; with `client_ca` clients may show a certificate that this CA signed.

    A certificate is asked for and not required, as TPP does. Raises InvalidInput for files that don't work.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise _unusable(certificate, f"the TLS certificate or its key can't be used: {error}") from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except OSError as error:
            raise _unusable(client_ca, f"the CA of client certificates can't be used: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _unusable(path: Path, message: str) -> InvalidInput:
    hint = "give PEM files that belong together with --tls-cert, --tls-key and --client-ca"
    return InvalidInput((Problem("sandbox/tls", Source(str(path)), message, hint),))
