"""The folders of good and bad files, and what the reconciler says of each."""

from pathlib import Path

from reconciler.manifests.config import check_settings, load_settings
from reconciler.manifests.load import check
from reconciler.model.decision import Problem
from reconciler.rendering.problems import problems_text
from tests.builders import NOW

TESTS = Path(__file__).parent.parent
INVALID = TESTS / "invalid"
VALID = TESTS / "valid"
EXAMPLES = TESTS.parent / "examples"
WINDOWS = load_settings(TESTS / "manifests" / "reconciler.yaml", None, {}).windows

CONFIGURATIONS = ("config", "config-meaning")


def bad_files() -> list[Path]:
    """Every bad file, and every folder whose files are bad together."""
    files = [path for path in INVALID.glob("*/*.yaml") if path.parent.name != "folders"]
    return sorted([*files, *(path for path in (INVALID / "folders").iterdir() if path.is_dir())])


def good_files() -> list[Path]:
    return sorted(VALID.glob("*/*.yaml"))


def example_manifests() -> list[Path]:
    """Manifests among the examples: they stand in folders called tickets or campaigns."""
    return sorted(path for folder in ("tickets", "campaigns") for path in EXAMPLES.rglob(f"{folder}/**/*.yaml"))


def example_configurations() -> list[Path]:
    return sorted(EXAMPLES.rglob("reconciler.yaml"))


def problems_of(path: str, *, config: bool) -> tuple[Problem, ...]:
    if config:
        return check_settings(path, None, {})[1]
    return check([path], windows=WINDOWS, now=NOW)[1]


def told(path: str, *, config: bool) -> str:
    """What `reconciler validate` prints about one file."""
    return problems_text(problems_of(path, config=config))


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
