"""Makes the pictures of README and documentation from what the commands print today: `make pictures`.

A repository with a few decisions is planned against the sandbox, as `reconciler demo` does. Its plan, the comment about
it and the report are looked at in Chromium, which needs a font with emoji (Debian: fonts-noto-color-emoji).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from reconciler.cli.sandbox_session import read_seed
from reconciler.codec import decode_plan
from reconciler.model.value import replace
from reconciler.rendering.text.layout import View
from reconciler.rendering.text.plan import plan_text
from reconciler.sandbox.running import Listening, running_sandbox
from tests.docs.pages import ROOT
from tests.forking.program import forked
from tests.rendering.browser import open_browser
from tests.rendering.github_page import page_of

IMAGES = ROOT / "docs" / "images"
_SMALL, _LARGE = (1000, 720), (1360, 980)
_SERVER = "https://tpp.example.com"
_CONFIG = """\
version: 1
server: {url}
policy:
  require: [expect, explanation, change]
  change_pattern: '^CHG[0-9]{{7}}$'
  limits: {{approvals: 10, rejections: 2}}
  freezes:
    - {{name: year-end, start: '{freeze}', stop: '{thaw}', objects: ['\\VED\\Policy\\Web\\pay*']}}
"""
_BEFORE = """\
version: 1
change: CHG0041230
tickets:
  - guid: 0c9f2f44-7b1d-4a3e-8f60-5d2c1b9e7a01
    status: Approved
    explanation: Renewal of the test bench
    expect: {{object: '\\VED\\Policy\\Web\\Lab\\bench-01.example.com'}}
"""
_WEB = """\
version: 1
change: CHG0041234
defaults: {{explanation: Web tier renewal}}
tickets:
  - guid: 6ede0e12-f7c0-4068-9977-001076205c84
    status: Approved
    expect: {{object: '\\VED\\Policy\\Web\\www.example.com'}}
  - guid: 8a83384d-3e44-4b62-b706-dc78459f2ac3
    status: Approved Between
    schedule: {{start: '{saturday}', stop: '{sunday}'}}
    expect: {{object: '\\VED\\Policy\\Web\\shop.example.com'}}
  - guid: 4f1c9ab0-52f3-4b1e-9a57-0e6b7d3c2a11
    status: Approved After
    schedule: {{start: '{sunday}'}}
    expect: {{object: '\\VED\\Policy\\Web\\api.example.com'}}
  - guid: 2e7f4b66-5d3f-4c5a-a182-7f4e3db09c03
    status: Approved Between
    schedule: {{start: '{frozen}', stop: '{thaw}'}}
    expect: {{object: '\\VED\\Policy\\Web\\pay.example.com'}}
"""
_OLD = """\
version: 1
change: CHG0041235
tickets:
  - guid: c41e7d3a-0b64-4c1f-8d8e-3f2a9b7c6e55
    status: Rejected
    explanation: old.example.com was switched off
    expect: {{object: '\\VED\\Policy\\Web\\old.example.com'}}
"""
_TERMINAL = (
    '<!doctype html><meta charset="utf-8"><title>plan</title><style>body {{ margin: 0; background: #16181d }} '
    'pre {{ margin: 0; padding: 20px 24px; color: #e6e6e6; font: 15px/1.4 "DejaVu Sans Mono", monospace }}</style>'
    "<pre>{code}</pre>"
)


def _times() -> Mapping[str, str]:
    """The next Saturday night, and a freeze a week later."""
    now = datetime.now(UTC).replace(hour=22, minute=0, second=0, microsecond=0)
    saturday = now + timedelta(days=(5 - now.weekday()) % 7 or 7)
    found = {
        "saturday": saturday,
        "sunday": saturday + timedelta(hours=4),
        "freeze": saturday + timedelta(days=5),
        "frozen": saturday + timedelta(days=7),
        "thaw": saturday + timedelta(days=7, hours=4),
    }
    return {name: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for name, moment in found.items()}


def _run(home: Path, token: str, *arguments: str, fails: bool = False) -> str:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("TPP_", "GITHUB_"))}
    done = subprocess.run(
        [*forked(), "-m", "reconciler", *arguments],
        cwd=home, env=variables | {"TPP_TOKEN": token, "XDG_STATE_HOME": str(home.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert fails or done.returncode == 0, done.stderr
    return done.stdout


def make(folder: Path) -> Mapping[str, Path]:
    """Plan, apply and report, and return the pages that are to be looked at by the name of their picture."""
    home = folder / "approvals"
    (home / "tickets").mkdir(parents=True)
    times = _times()
    seed = read_seed(ROOT / "examples" / "sandbox" / "seed.yaml")
    with running_sandbox(seed, listening=Listening(tick=0.1)) as sandbox:
        (home / "reconciler.yaml").write_text(_CONFIG.format(url=sandbox.url, **times), encoding="utf-8")
        (home / "tickets" / "lab.yaml").write_text(_BEFORE.format(**times), encoding="utf-8")
        _run(home, sandbox.token, "apply", "--yes")
        (home / "tickets" / "web.yaml").write_text(_WEB.format(**times), encoding="utf-8")
        (home / "tickets" / "clean-up.yaml").write_text(_OLD.format(**times), encoding="utf-8")
        _run(home, sandbox.token, "plan", fails=True)  # says once what it says of the token
        _run(home, sandbox.token, "plan", "--out", "plan.json", fails=True)
        comment = _run(home, sandbox.token, "show", "plan.json", "--format", "markdown", fails=True)
        _run(home, sandbox.token, "report", "--out", "site", "--plan", "plan.json", "--title", "Approvals")
        url = sandbox.url
    plan = replace(decode_plan((home / "plan.json").read_bytes()), target=_SERVER)
    text = plan_text(plan, View(width=94, colour=True, expires_at=plan.expires_at))
    pages = {"plan.html": _terminal("$ reconciler plan\n" + text), "comment.html": page_of(comment, "comment")}
    pages |= {f"site/{path.name}": path.read_text(encoding="utf-8") for path in (home / "site").glob("*.html")}
    for name, page in pages.items():
        (home / name).write_text(page.replace(url, _SERVER), encoding="utf-8")
    return {
        "plan.png": home / "plan.html",
        "comment.png": home / "comment.html",
        "report-open.png": home / "site" / "index.html",
        "report-timeline.png": home / "site" / "timeline.html",
    }


def _terminal(text: str) -> str:
    """Return a page that shows what a terminal would."""
    console = Console(file=StringIO(), record=True, width=100, color_system="truecolor", legacy_windows=False)
    console.print(Text.from_ansi(text), soft_wrap=True)
    code = console.export_html(theme=DIMMED_MONOKAI, inline_styles=True, code_format="{code}")
    return _TERMINAL.format(code=code)


def main() -> None:
    """Write the pictures into docs/images."""
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        sys.exit("chromium and chromedriver are needed (Debian: apt-get install chromium chromium-driver)")
    with tempfile.TemporaryDirectory() as folder, open_browser(*map(str, programs)) as browser:
        for name, page in make(Path(folder)).items():
            browser.size(_LARGE if page.parent.name == "site" else _SMALL)
            browser.open(page)
            browser.picture(IMAGES / name)
            sys.stdout.write(f"wrote docs/images/{name}\n")


if __name__ == "__main__":
    main()
