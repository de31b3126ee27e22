"""The parts of jsonschema that are used, imported without the optional checkers of formats that take long.

Where they are installed, jsonschema imports them for the formats `iri`, `uri` and `duration`, which no schema of ours
has; the first alone compiles 38 grammars in a second. A None in sys.modules is Python's own way to say that a module
is not to be had.
"""

import sys

_SLOW = ("rfc3987_syntax", "rfc3986_validator", "isoduration")
_hidden = [name for name in _SLOW if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
try:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend
finally:
    for name in _hidden:
        del sys.modules[name]

__all__ = ["Draft202012Validator", "ValidationError", "extend"]
