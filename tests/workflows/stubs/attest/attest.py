"""Stands in for actions/attest v4: reads subjects and predicate as it does, and keeps the statement that it would sign.

Lines of a checksum file are a digest of 64 hex digits, a blank, a blank or asterisk, and a name: src/subject.ts.
At most 1024 subjects, and a predicate of at most 16 MB: README.
"""

import json
import os
import re
import sys
from pathlib import Path

LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def main() -> None:
    subjects = []
    for line in Path(os.environ["SUBJECTS"]).read_text().splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            sys.exit(f"::error::Invalid checksum line: {line}")
        subjects.append({"name": found[2], "digest": {"sha256": found[1]}})
    predicate = Path(os.environ["PREDICATE"])
    if not 0 < len(subjects) <= 1024 or predicate.stat().st_size > 16 * 1024 * 1024:
        sys.exit("::error::too many subjects, or too large a predicate")
    signed = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": os.environ["TYPE"],
        "predicate": json.loads(predicate.read_text()),
    }
    target = Path(os.environ["STUB_ARTIFACTS"]) / os.environ["GITHUB_RUN_ID"] / "attestation"
    target.mkdir(parents=True)
    (target / "statement.json").write_text(json.dumps(signed))


main()
