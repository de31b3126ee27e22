"""The plans of shards put together. What merging has to know of a step is read from its line, which stays as it is."""

from collections import Counter
from pathlib import Path

from reconciler.ledger.plan_files import SavedRows, decode_row, load_plan, load_rows, save_plan, save_rows
from reconciler.model.verdict import Verdict
from reconciler.planning.digest import check_digest, digest_of_meanings
from reconciler.planning.merge import merge_plans, merge_rows
from reconciler.planning.rows import Row, row_of, usual_row


def merge_files(files: tuple[Path, ...], out: Path) -> None:
    """Write the plan of the whole. Raises InvalidInput, GuardRefused."""
    if _merge_rows(files, out):
        return
    plans = [load_plan(path) for path in files]
    for plan in plans:
        check_digest(plan)
    save_plan(merge_plans(plans), out)


def _merge_rows(files: tuple[Path, ...], out: Path) -> bool:
    """Merge lines. False when a plan is unusual or faulty, or when steps have to change: then all of it is read."""
    rows: list[Row] = []
    heads = []
    for path in files:
        saved = load_rows(path)
        found = _rows(saved) if saved else None
        if saved is None or found is None:
            return False
        rows += found
        heads.append(saved.head)
    merged = merge_rows(heads, rows)
    if merged is None:
        return False
    head, ordered = merged
    counted = Counter(row.verdict for row in ordered)
    counts = {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}
    save_rows(head, counts, (row.text for row in ordered), out)
    return True


def _rows(saved: SavedRows) -> list[Row] | None:
    """Return the rows of a plan; None unless they are what its counts and its digest say."""
    try:
        rows = sorted(usual_row(text) or row_of(decode_row(text)) for text in saved.rows)
    except (ValueError, RecursionError):
        return None
    head = saved.head
    digest = digest_of_meanings(head.target, (row.meaning for row in rows), head.overrides, head.sealed)
    return rows if digest == head.digest and Counter(row.verdict for row in rows) == saved.counts else None
