"""Decisions, live tickets and ledger memory to a plan.

Pure: no I/O, no clock, nothing that writes. Read verdicts.py first.
"""
