"""What an import found and did."""

from collections.abc import Mapping

from msgspec import Struct, field

from reconciler.model.guid import Guid


class Intake(Struct):
    """Tickets by what became of them. `written` maps a file to the tickets that were added to it, in order.

    `known` are named by manifests already, `decided` are not pending any more, `hidden` are denied to us, `gone`
    are not there, `unread` could not be read (with the reason), `not_ours` were written although the caller is
    not among their approvers.
    """

    written: dict[str, list[Guid]] = field(default_factory=dict)
    known: list[Guid] = field(default_factory=list)
    decided: list[Guid] = field(default_factory=list)
    hidden: list[Guid] = field(default_factory=list)
    gone: list[Guid] = field(default_factory=list)
    unread: dict[Guid, str] = field(default_factory=dict)
    not_ours: list[Guid] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many tickets were written."""
        return sum(len(guids) for guids in self.written.values())

    def as_json(self) -> Mapping[str, object]:
        """Return the report as plain values, everything sorted."""
        return {
            "written": {file: sorted(guids) for file, guids in sorted(self.written.items())},
            "known": len(self.known),
            "decided": sorted(self.decided),
            "hidden": sorted(self.hidden),
            "gone": sorted(self.gone),
            "unread": dict(sorted(self.unread.items())),
            "not_ours": sorted(self.not_ours),
        }
