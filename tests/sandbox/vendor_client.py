"""The calls of a vendor's client, run by an interpreter that has it: LIBRARY HOST. Prints what each came to as JSON.

pytpp and pyVenafi have the same calls under the same names.
"""

import json
import logging
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

SCOPE = "certificate:approve;configuration:manage,delete;security"


def main(library: str, host: str) -> None:
    logging.disable(logging.CRITICAL)
    module = {"pytpp": "pytpp.api.authenticate", "pyvenafi": "pyvenafi.tpp"}[library]
    websdk = (
        import_module(module)
        .Authenticate(
            host=host,
            username="svc-approver",
            password="correct horse battery staple",
            application_id="reconciler",
            scope=SCOPE,
            verify_ssl=True,
        )
        .websdk
    )
    ticket, came_to = websdk.Workflow.Ticket, {}

    def note(name: str, call: Callable[[], Any]) -> None:
        try:
            came_to[name] = str(call())
        except Exception as error:  # noqa: BLE001 - what the client raises is what is looked at
            came_to[name] = type(error).__name__

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
    sys.stdout.write(json.dumps(came_to))


if __name__ == "__main__":
    main(*sys.argv[1:])
