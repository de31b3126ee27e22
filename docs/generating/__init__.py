"""Writes the reference pages from what they are about: schemas, commands, verdicts, exit codes, names, measurements."""
