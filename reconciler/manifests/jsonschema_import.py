"""The parts of jsonschema that are used, imported without the optional checker of formats that takes a second.

Where `rfc3987_syntax` is installed, jsonschema imports it for the format `iri`, which no schema of ours has; the
import compiles 38 grammars. A None in sys.modules is Python's own way to say that a module is not to be had.
"""

import sys

_SLOW = "rfc3987_syntax"
_hidden = _SLOW not in sys.modules
if _hidden:
    sys.modules[_SLOW] = None  # type: ignore[assignment]
try:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend
finally:
    if _hidden:
        del sys.modules[_SLOW]

__all__ = ["Draft202012Validator", "ValidationError", "extend"]
