"""The real command line with little room or few rights: `python confined.py size=200 apply`, `... read-only apply`."""

import ctypes
import os
import resource
import sys

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


def main() -> None:
    """Take room or rights away, then become the command line."""
    kind, _, size = sys.argv[1].partition("=")
    if kind == "size":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    elif os.geteuid() == 0:
        _let_root_write_only_where_it_may()
    os.execv(sys.executable, [sys.executable, "-m", "reconciler", *sys.argv[2:]])


def _let_root_write_only_where_it_may() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main()
