"""The command line from end to end: real files, a real server on loopback."""
