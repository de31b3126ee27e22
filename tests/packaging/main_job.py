"""Does the main job with an installed reconciler: run by the interpreter under test, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

from reconciler.sandbox.running import running_sandbox
from reconciler.sandbox.seed import Seed, TicketSeed

GUID = "6ede0e12-f7c0-4068-9977-001076205c84"
MANIFEST = f"""\
version: 1
change: CHG0041234
tickets:
  - guid: {GUID}
    status: Approved
    explanation: Web tier renewal
"""


def run(*arguments: str) -> str:
    """Run the installed command and return what it printed; its failure is ours."""
    program = Path(sys.executable).parent / "reconciler"
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"reconciler {arguments[0]} left with {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def main() -> None:
    """Validate, plan, apply, and find that nothing is left to do."""
    Path("tickets").mkdir()
    Path("tickets/web.yaml").write_text(MANIFEST, encoding="utf-8")
    with running_sandbox(Seed(tickets=(TicketSeed(GUID, r"\VED\Policy\Web\www.example.com"),))) as sandbox:
        os.environ["TPP_TOKEN"] = sandbox.token
        Path("reconciler.yaml").write_text(f"version: 1\nserver: {sandbox.url}\n", encoding="utf-8")
        for arguments in (["--version"], ["--help"], ["schema", "decisions"], ["validate"]):
            run(*arguments)
        run("plan", "--out", "plan.json")
        run("apply", "plan.json", "--yes")
        run("plan", "--exit-code")
        updates = len(list(sandbox.log.calls("ticketUpdateStatus")))
    sys.stdout.write(f"{updates} update, nothing left to do\n")


if __name__ == "__main__":
    main()
