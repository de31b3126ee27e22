"""The calls of a vendor's client, run by an interpreter that has it: LIBRARY HOST. Prints what each came to as JSON.

pytpp and pyVenafi have the same calls under the same names; vcert knows tokens and certificates, no tickets.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Note = Callable[[str, Callable[[], Any]], None]
PASSWORD = "correct horse battery staple"
SCOPE = "certificate:approve;configuration:manage,delete;security"


def main(library: str, host: str) -> None:
    logging.disable(logging.CRITICAL)
    came_to: dict[str, str] = {}

    def note(name: str, call: Callable[[], Any]) -> None:
        try:
            came_to[name] = str(call())
        except Exception as error:  # noqa: BLE001 - what the client raises is what is looked at
            came_to[name] = type(error).__name__

    (tokens if library == "vcert" else tickets)(library, host, note)
    sys.stdout.write(json.dumps(came_to))


def tokens(library: str, host: str, note: Note) -> None:
    """Get, refresh and revoke a token, as `vcert getcred` does."""
    common, connection = import_module(f"{library}.common"), import_module(f"{library}.connection_tpp_token")
    verified = {"verify": os.environ["REQUESTS_CA_BUNDLE"]}

    def connect(**more: str) -> Any:
        return connection.TPPTokenConnection(f"https://{host}", http_request_kwargs=dict(verified), **more)

    vendor = connect()
    first = vendor.get_access_token(common.Authentication(user="svc-approver", password=PASSWORD))
    second = vendor.refresh_access_token()
    note("another access token", lambda: first.access_token != second.access_token)
    note("another refresh token", lambda: first.refresh_token != second.refresh_token)
    note("the first refresh token", lambda: connect(refresh_token=first.refresh_token).refresh_access_token())
    note("revoke", lambda: vendor.revoke_access_token()[0])
    note("refresh of what is revoked", vendor.refresh_access_token)


def tickets(library: str, host: str, note: Note) -> None:
    """Read and decide a ticket."""
    module = {"pytpp": "pytpp.api.authenticate", "pyvenafi": "pyvenafi.tpp"}[library]
    websdk = (
        import_module(module)
        .Authenticate(
            host=host,
            username="svc-approver",
            password=PASSWORD,
            application_id="reconciler",
            scope=SCOPE,
            verify_ssl=True,
        )
        .websdk
    )
    ticket = websdk.Workflow.Ticket
    guid = "6ede0e12-f7c0-4068-9977-001076205c84"
    note("version", lambda: websdk.SystemStatus.Version.get().version)
    note("refresh", lambda: websdk.Permissions.Refresh.get().result)
    note("self", lambda: websdk.Identity.Self.get().identities[0].prefixed_name)
    note("verify", lambda: websdk.Authorize.Verify.get().identity)
    note("exists", lambda: ticket.Exists.post(guid=guid).result)
    note("status", lambda: ticket.Status.post(guid=guid).status)
    note("details", lambda: ticket.Details.post(guid=guid).blocking)
    note("update", lambda: ticket.UpdateStatus.post(guid=guid, status="Rejected", explanation="no").result)
    note("status after", lambda: ticket.Status.post(guid=guid).status)


if __name__ == "__main__":
    main(*sys.argv[1:])
