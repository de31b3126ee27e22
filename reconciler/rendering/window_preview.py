"""Named windows and when they open next, as text and as JSON."""

from collections.abc import Sequence
from datetime import tzinfo

from reconciler.codec import json_text
from reconciler.model.status import Occurrence, Schedule, WindowPreview, format_instant
from reconciler.rendering.escape import terminal
from reconciler.rendering.times import local_window, window


def windows_text(previews: Sequence[WindowPreview], zones: Sequence[tzinfo | None]) -> str:
    """Return the windows with their next occurrences in UTC and in the zone beside each window, if there is one."""
    lines: list[str] = []
    for preview, zone in zip(previews, zones, strict=True):
        about = f"{preview.rule}, {preview.timezone}" if preview.rule else "once"
        lines.append(f"{terminal(preview.name)}: {terminal(about)}")
        lines += [line for occurrence in preview.occurrences for line in _occurrence(occurrence, zone)]
        if not preview.occurrences:
            lines.append("  is over and does not come again")
    return "".join(f"{line}\n" for line in lines)


def windows_json(previews: Sequence[WindowPreview]) -> str:
    """Return `{version, windows: [{name, rule, timezone, occurrences: [{start, stop, remark}]}]}`, times in UTC."""
    document = {
        "version": 1,
        "windows": [
            {
                "name": preview.name,
                "rule": preview.rule or None,
                "timezone": preview.timezone or None,
                "occurrences": [
                    {
                        "start": format_instant(occurrence.start),
                        "stop": None if occurrence.stop is None else format_instant(occurrence.stop),
                        "remark": occurrence.remark or None,
                    }
                    for occurrence in preview.occurrences
                ],
            }
            for preview in previews
        ],
    }
    return json_text(document)


def _occurrence(occurrence: Occurrence, zone: tzinfo | None) -> list[str]:
    schedule = Schedule(occurrence.start, occurrence.stop)
    line = f"  {window(schedule)}"
    if zone is not None:
        line += f" ({local_window(schedule, zone)})"
    return [line, *([f"    daylight saving: {terminal(occurrence.remark)}"] if occurrence.remark else [])]
