"""Programs that look at JSON schemas, without seconds of CPU for a format that none of ours names: addresses."""

import sys


def program(module: str) -> tuple[str, ...]:
    """Return how to start a program of our environment by the name of its module."""
    start = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    return (sys.executable, "-I", "-c", f"import runpy, sys; sys.modules['rfc3987_syntax'] = None; {start}")


CHECK_JSONSCHEMA = program("check_jsonschema")
