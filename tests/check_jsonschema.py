"""The command check-jsonschema, without seconds of CPU for formats that no schema here names: those of addresses."""

import sys

COMMAND = (
    sys.executable,
    "-I",
    "-c",
    "import sys; sys.modules['rfc3987_syntax'] = None; from check_jsonschema import main; main()",
)
