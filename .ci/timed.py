"""Run a command, and say at the end how much CPU and wall time it and all that it started took."""

import os
import resource
import subprocess
import sys
import time

began = time.monotonic()
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = {"CPU": used.ru_utime + used.ru_stime, "wall": time.monotonic() - began}
spelled = ", ".join(f"{value // 60:.0f} min {value % 60:.0f} s of {name} time" for name, value in seconds.items())
print(f"{spelled}, on {os.cpu_count()} cores")
sys.exit(code)
