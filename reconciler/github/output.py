"""The files through which a step speaks to GitHub Actions: job summary and outputs.

Source: GitHub documentation, "Workflow commands for GitHub Actions": a summary is at most 1 MiB a step and is
dropped whole when it is larger; outputs are at most 1 MB a job.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

LONGEST_SUMMARY = 1024 * 1024 - 4096
"""Bytes of one step's summary that we write, with room for what others add."""
LONGEST_OUTPUT = 64 * 1024
"""Bytes of one output. Anything larger belongs in a file."""
_CUT = "\n\n_The summary was cut here: GitHub takes 1 MiB. The plan file in the artifact has everything._\n"


def append_summary(environ: Mapping[str, str], markdown: str) -> bool:
    """Add text to the job summary, cut after a whole line when it would be too long. False outside of Actions."""
    path = environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return False
    file = Path(path)
    used = file.stat().st_size if file.exists() else 0
    with file.open("ab") as stream:
        stream.write(_within(markdown.rstrip("\n") + "\n\n", LONGEST_SUMMARY - used))
    return True


def set_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> bool:
    """Set outputs of the step. False outside of Actions. Raises ValueError for one that is too long.

    Every value stands between lines that nobody can guess, so that no value can set another output.
    """
    path = environ.get("GITHUB_OUTPUT", "")
    if not path:
        return False
    with Path(path).open("a", encoding="utf-8") as stream:
        for name, value in outputs.items():
            if len(value.encode()) > LONGEST_OUTPUT:
                raise ValueError(f"output {name} has {len(value):,} characters: hand it over in a file")
            end = f"end-{secrets.token_hex(16)}"
            stream.write(f"{name}<<{end}\n{value}\n{end}\n")
    return True


def _within(text: str, room: int) -> bytes:
    data = text.encode("utf-8", "replace")
    if len(data) <= room:
        return data
    note = _CUT.encode()
    if room <= len(note):
        return b""
    kept = data[: room - len(note)]
    return kept[: kept.rfind(b"\n") + 1] + note
