"""Files in the root of a pull request that something may take for a program or for its configuration."""

from collections.abc import Callable
from pathlib import Path

MODULES = (
    "venv.py",
    "json.py",
    "sitecustomize.py",
    "usercustomize.py",
    "conftest.py",
    "click.py",
    "yaml.py",
    "site.py",
)
PACKAGES = ("pip", "reconciler", "requests", "ensurepip", "hatchling")
PROGRAMS = ("jq", "git", "python3", "python", "reconciler.sh", "bash", "sed", "dirname")
PLACES = ("", "tickets/", "lib/python3/site-packages/")


def plant(root: Path) -> Callable[[], list[str]]:
    """Plant them all. What is returned names those that ran: each one tells by a file outside of `root`."""
    told = root.parent / "touched"
    told.mkdir(parents=True, exist_ok=True)
    for place in PLACES:
        for name in MODULES:
            _write(root / place / name, _python(told, f"{place}{name}"))
        for name in PACKAGES:
            for file in ("__init__.py", "__main__.py"):
                _write(root / place / name / file, _python(told, f"{place}{name}"))
        _write(root / place / "evil.pth", f"import pathlib; {_python(told, f'{place}evil.pth')}")
    for name in PROGRAMS:
        _write(root / name, f"#!/bin/sh\n: >'{told}/{name}'\n").chmod(0o755)
    # Port 9 of this machine answers to nobody, so whoever goes there fails and is seen.
    _write(root / "pip.conf", "[global]\nindex-url = http://127.0.0.1:9/simple\nno-index = false\n")
    _write(root / ".netrc", "default login eve password eve\n")
    _write(root / "setup.cfg", "[install]\nprefix = /nowhere\n")
    _write(root / "pyproject.toml", "[tool.pip]\nindex-url = 'http://127.0.0.1:9/simple'\n")
    _write(root / ".gitattributes", "* filter=evil\n")
    _write(root / ".gitconfig", f"[filter \"evil\"]\nclean = touch '{told}/filter'\n")
    return lambda: sorted(path.name for path in told.iterdir())


def _python(told: Path, name: str) -> str:
    return f"open({str(told / name.replace('/', '_'))!r}, 'w').close()\n"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
