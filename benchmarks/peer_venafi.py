"""The vendor client's loop, run by its own interpreter: HOST TOKEN GUIDS-FILE. Prints tickets, seconds and crashes.

Two calls a ticket, one after the other: read its details, then set its status. The client can't read these
answers (it expects an object where the server sends the number of the Result), so every call ends in an exception
after it has done its work; the exceptions are counted and the loop goes on.
"""

import json
import logging
import sys
import time
from pathlib import Path

from pyvenafi.tpp import Authenticate, Features


def main(host: str, token: str, guids: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    ticket = Features(Authenticate(host=host, websdk_token=f"Bearer {token}", verify_ssl=True)).workflow.ticket
    crashes = 0
    started = time.perf_counter()
    for guid in guids:
        for call in (
            lambda name=guid: ticket.details(name),
            lambda name=guid: ticket.update_status(ticket_name=name, status="Approved", explanation="measured"),
        ):
            try:
                call()
            except AttributeError:
                crashes += 1
    print(json.dumps({"tickets": len(guids), "seconds": time.perf_counter() - started, "crashes": crashes}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text()))
