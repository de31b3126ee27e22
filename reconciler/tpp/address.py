"""The server's URL from the settings, as every call needs it."""

from reconciler.errors import ServerFailure
from reconciler.model.server_url import InvalidServerUrl, ServerUrl, parse_server_url


def parse_address(text: str) -> ServerUrl:
    """Read a base URL. Raises ServerFailure for what parse_server_url refuses."""
    try:
        return parse_server_url(text)
    except InvalidServerUrl as error:
        raise ServerFailure(error.message, error.hint) from None
