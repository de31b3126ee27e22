"""Decisions and tickets in any number, the same ones every time."""

import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path

_ENTRY = """\
  - guid: {guid}
    status: {status}
    explanation: Renewal of host {number}
    expect:
      object: {name}
      workflow: \\VED\\Policy\\Workflows\\Stage 0
"""
_HEADER = "version: 1\nchange: CHG0041234\ntickets:\n"


def guids(count: int, seed: int = 1) -> Iterator[str]:
    """Yield `count` GUIDs.

    Nothing here holds them all: what this process takes counts as the least that any process it starts takes.
    """
    source = random.Random(seed)
    return (str(uuid.UUID(int=source.getrandbits(128), version=4)) for _ in range(count))


def object_of(number: int, folders: int = 1) -> str:
    """Return the DN of an object, in one of so many folders."""
    folder = "Web" if folders == 1 else f"Team {number % folders:04d}"
    return f"\\VED\\Policy\\{folder}\\host{number}.example.com"


def manifests(folder: Path, count: int, files: int = 1, *, bad: int = 0, seed: int = 1, folders: int = 1) -> Path:
    """Write decisions that approve `count` tickets into `files` files; every 100th is wrong when `bad` is 1."""
    folder.mkdir(parents=True)
    names = guids(count, seed)
    size = -(-count // files)
    for file in range(files):
        part = range(file * size, min((file + 1) * size, count))
        with (folder / f"{file:04d}.yaml").open("w", encoding="utf-8") as text:
            text.write(_HEADER)
            text.writelines(_entry(next(names), number, bad, folders) for number in part)
    return folder


def _entry(guid: str, number: int, bad: int, folders: int) -> str:
    status = "Approvd" if bad and number % 100 == 0 else "Approved"
    return _ENTRY.format(guid=guid, number=number, status=status, name=object_of(number, folders))


def tickets(path: Path, count: int, seed: int = 1, folders: int = 1) -> Path:
    """Write a list of [GUID, object] pairs for the sandbox process."""
    with path.open("w", encoding="utf-8") as text:
        for number, guid in enumerate(guids(count, seed)):
            pair = json.dumps([guid, object_of(number, folders)])
            text.write(("," if number else "[") + pair)
        text.write("]")
    return path
