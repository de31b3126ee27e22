"""No secret enters the ledger, whatever the server says."""

from pathlib import Path

from reconciler.model.status import approved
from reconciler.sandbox import wrong_answers as wrong
from reconciler.sandbox.seed import Seed, TicketSeed
from tests.builders import decision, guid
from tests.trust.harness import open_harness


def test_a_server_that_repeats_the_token_in_every_answer_does_not_get_it_into_the_ledger(tmp_path: Path) -> None:
    numbers = range(1, 9)
    seed = Seed(tickets=tuple(TicketSeed(guid(n), rf"\VED\Policy\Web\{n}") for n in numbers))
    with open_harness(tmp_path, [decision(n, wanted=approved()) for n in numbers], seed) as harness:
        token = harness.sandbox.token
        plan = harness.plan()
        said = [
            wrong.says(f"<p>Authorization: Bearer {token}</p>"),
            wrong.says(f'{{"Result": "{token}"}}'),
            wrong.says(f"the token {token} is odd", 500),
            wrong.says(f'{{"error": "{token}"}}', 400),
            wrong.says(f'{{"error": "bearer {token.upper()}"}}', 409),
            wrong.redirect(f"https://login.example.com/?access_token={token}"),
        ]
        for number, answer in enumerate(said, start=1):
            for operation in ("ticketUpdateStatus", "ticketDetails"):
                after = 1 if operation == "ticketDetails" else 0
                harness.sandbox.faults.add(answer, operation=operation, guid=guid(number), after=after)
        run = harness.apply(plan)
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert len(written) > 2000
        assert token.encode() not in written
        assert token not in repr(run)
        assert token not in repr(plan)
