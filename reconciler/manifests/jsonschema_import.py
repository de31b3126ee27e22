"""The parts of jsonschema that are used, imported without the optional checkers of formats, which we never use.

jsonschema imports them where they are installed; the one for `iri` alone compiles 38 grammars in a second. A None in
sys.modules is Python's own way to say that a module is not to be had.
"""

import sys

_OPTIONAL = (
    *("fqdn", "idna", "isoduration", "jsonpointer", "rfc3339_validator", "rfc3986_validator", "rfc3987"),
    *("rfc3987_syntax", "uri_template", "webcolors"),
)
_hidden = [name for name in _OPTIONAL if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
try:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend
finally:
    for name in _hidden:
        del sys.modules[name]

__all__ = ["Draft202012Validator", "ValidationError", "extend"]
