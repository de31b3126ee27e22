"""The YAML files of the sandbox: seeds and fault rules."""

from pathlib import Path

from reconciler.codec import Json
from reconciler.errors import InvalidInput
from reconciler.manifests.yaml import read_file
from reconciler.sandbox.change_systems import ChangeSystems, decode_change_systems
from reconciler.sandbox.fault_injection import Rule
from reconciler.sandbox.fault_rules import decode_rules
from reconciler.sandbox.seed import Seed, decode_seed


def read_seed(path: Path, profile: str | None = None) -> Seed:
    """Read what a sandbox starts with, over a profile. Raises InvalidInput with every fault of the file."""
    return decode_seed(_plain(path), str(path), profile)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the rules about what goes wrong. Raises InvalidInput with every fault of the file."""
    return decode_rules(_plain(path), str(path))


def read_change_systems(path: Path) -> ChangeSystems:
    """Read the change records that a sandbox plays. Raises InvalidInput with every fault of the file."""
    return decode_change_systems(_plain(path), str(path))


def _plain(path: Path) -> Json:
    document = read_file(str(path))
    if document.problems:
        raise InvalidInput(tuple(document.problems))
    return document.value
