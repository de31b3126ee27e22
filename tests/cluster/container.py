"""Run a command as container runtimes do: process 1 of namespaces of its own, on a root of an image and volumes.

What it does is what the runtime specification of the Open Container Initiative asks for (config.md: root.readonly,
mounts, process.user, noNewPrivileges, capabilities; config-linux.md: namespaces, default devices and file systems).
What it leaves out: limits of resources, seccomp and a network of its own.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_PREPARE = """\
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 root "$root"
"""
_SYSTEM = """\
mkdir -p "$root/proc" "$root/dev"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,mode=0755 dev "$root/dev"
for device in {devices}; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mkdir "$root/dev/shm"
mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 shm "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
"""


@dataclass(frozen=True)
class Mount:
    """A file or folder of the machine that a container sees at `target`."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class Container:
    """What is to be run, and with how little. `image` is what its root holds: one folder for `/`, or parts of one."""

    image: Sequence[Mount]
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    folder: str = "/"
    user: int = 10001
    group: int = 10001
    groups: Sequence[int] = ()
    read_only: bool = True
    host: str = "container"

    def script(self) -> str:
        """Return the shell script that makes the root and becomes the command."""
        lines = [_PREPARE, f"echo {shlex.quote(self.host)} >/proc/sys/kernel/hostname"]
        lines += [_bind(each) for each in self.image]
        lines.append(_SYSTEM.format(devices=" ".join(_DEVICES)))
        lines += [_bind(each) for each in self.mounts]
        if self.read_only:
            lines.append('mount -o remount,bind,ro "$root"')
        groups = ",".join(map(str, self.groups))
        rights = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        user = [f"--reuid={self.user}", f"--regid={self.group}", f"--groups={groups}" if groups else "--clear-groups"]
        environ = [f"{name}={value}" for name, value in self.environ.items()]
        become = ["setpriv", *user, *rights, "env", "-i", "-C", self.folder, *environ, *self.command]
        lines.append(f'exec chroot "$root" {shlex.join(become)}')
        return "\n".join(lines)

    def start(self, root: Path, log: Path) -> "Running":
        """Start it on the empty folder `root`; what it prints is appended to `log`."""
        command = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", self.script()]
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], "root": str(root)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process)


def _bind(each: Mount) -> str:
    source, target = shlex.quote(str(each.source)), f'"$root"{shlex.quote(each.target.rstrip("/"))}'
    if each.source.is_symlink() and not each.source.is_file():
        return f'mkdir -p "$(dirname {target})"; cp -P {source} {target}'
    make = f"mkdir -p {target}"
    if each.source.is_file():
        make = f'mkdir -p "$(dirname {target})"; [ -e {target} ] || touch {target}'
    bound = f"mount --rbind {source} {target}"
    locked = each.read_only and each.target != "/"  # the root has to take the mounts first
    return f"{make}; {bound}" + (f"; mount -o remount,bind,ro {target}" if locked else "")


@dataclass(frozen=True)
class Running:
    """A container that was started."""

    process: "subprocess.Popen[bytes]"

    def signal(self, number: signal.Signals) -> None:
        """Send as a node does: from outside the namespace, to process 1 inside it."""
        pid = self.process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        except OSError:
            return
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), number)

    def wait(self, seconds: float = 60) -> int:
        """Return the exit code as runtimes tell it: 128 and the signal where one killed it."""
        code = self.process.wait(timeout=seconds)
        return code if code >= 0 else 128 - code


def why_not() -> str:
    """Say why no container can be started here; empty when one can."""
    for program, package in (("unshare", "util-linux"), ("setpriv", "util-linux"), ("tini", "tini")):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: apt install {package}); .ci/run installs it"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs none /mnt"],
        check=False,
        capture_output=True,
    )
    return "only root may make namespaces here" if tried.returncode else ""


def wait_for(path: Path, seconds: float = 30) -> None:
    """Wait until a file is there. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(0.01)
