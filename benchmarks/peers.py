"""The peers that the reconciler is measured beside, in an environment of their own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PEERS = ("octodns==1.22.0", "pyvenafi==1.1.0")
_HOME = Path(__file__).parent.parent / ".venv" / "peers"


@dataclass(frozen=True, slots=True)
class Peers:
    """Where the peers' commands are; `absent` says why there are none."""

    bin: Path | None
    absent: str = ""

    def command(self, name: str) -> str | None:
        """Return the path of a peer's command, None when the peer is absent."""
        return str(self.bin / name) if self.bin is not None and (self.bin / name).exists() else None


def install() -> Peers:
    """Install the peers, once. A peer that can't be had is named in the report, never hidden."""
    bin_folder = _HOME / "bin"
    if not (bin_folder / "octodns-sync").exists():
        done = subprocess.run([sys.executable, "-m", "venv", str(_HOME)], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            pip = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
            done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return Peers(None, (done.stderr.strip().splitlines() or ["could not be installed"])[-1])
    return Peers(bin_folder)
