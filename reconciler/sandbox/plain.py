"""Turning the plain values of a seed or rules file into ours, gathering every fault with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.errors import InvalidInput
from reconciler.model.canonical import Json
from reconciler.model.decision import Problem, Source


@dataclass(slots=True)
class Reader:
    """Collects problems of one file while its values are read; a faulty value becomes its default."""

    path: str
    code: str
    problems: list[Problem] = field(default_factory=list)

    def fault(self, place: str, message: str, hint: str = "") -> None:
        """Note a problem at a place such as `tickets[2].guid`."""
        self.problems.append(Problem(self.code, Source(self.path), f"{place}: {message}", hint))

    def check(self) -> None:
        """Raise InvalidInput with all problems, if there are any."""
        if self.problems:
            raise InvalidInput(tuple(self.problems))

    def mapping(self, value: Json, place: str, known: tuple[str, ...]) -> Mapping[str, Json]:
        """Return a mapping whose keys are all known."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.fault(place, "must be a mapping")
            return {}
        for name in value:
            if known and name not in known:
                self.fault(f"{place}.{name}", "is not known", f"known are: {', '.join(known)}")
        return value

    def items(self, value: Json, place: str) -> list[tuple[str, Json]]:
        """Return the entries of a list, each with its place."""
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.fault(place, "must be a list")
            return []
        return [(f"{place}[{number}]", item) for number, item in enumerate(value)]

    def text(self, values: Mapping[str, Json], name: str, place: str, default: str | None = None) -> str:
        """Return a text; without `default` it is required."""
        value = values.get(name, default)
        if isinstance(value, str):
            return value
        self.fault(f"{place}.{name}", "is required and must be text" if value is None else "must be text")
        return ""

    def number(self, values: Mapping[str, Json], name: str, place: str, default: float | None = None) -> float:
        """Return a number of at least 0; without `default` it is required."""
        value = values.get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return value
        self.fault(f"{place}.{name}", "must be a number, 0 or more")
        return 0

    def flag(self, values: Mapping[str, Json], name: str, place: str, default: bool = False) -> bool:
        """Return true or false."""
        value = values.get(name, default)
        if isinstance(value, bool):
            return value
        self.fault(f"{place}.{name}", "must be true or false")
        return default

    def texts(self, values: Mapping[str, Json], name: str, place: str) -> tuple[str, ...] | None:
        """Return a list of texts, None when it is absent."""
        if values.get(name) is None:
            return None
        entries = self.items(values[name], f"{place}.{name}")
        for where, item in entries:
            if not isinstance(item, str):
                self.fault(where, "must be text")
        return tuple(item for _, item in entries if isinstance(item, str))
