"""Ids of runs: when a run started, something random, and the shard; they sort by time and name the ledger file."""

import secrets
from datetime import datetime

from reconciler.model.instant import as_utc
from reconciler.model.shard import Shard


def new_run_id(at: datetime, shard: Shard | None = None) -> str:
    """Return an id such as 20261123T211829Z-6a1f09, with -1of4 for the first of four shards."""
    part = "" if shard is None else f"-{shard.number}of{shard.of}"
    return f"{as_utc(at):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}{part}"
