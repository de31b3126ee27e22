"""The front door: click commands, wiring and exit codes. Nobody imports it."""
