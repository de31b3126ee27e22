"""Reads one YAML text whole, with the places of everything in it."""

import yaml

from reconciler.manifests.codes import Code
from reconciler.manifests.place import Places, locate
from reconciler.manifests.source_text import Unreadable, read_text
from reconciler.manifests.strict_yaml import StrictReader, Unparsable, Value
from reconciler.manifests.syntax import syntax_problem
from reconciler.model.decision import Problem, Source


def read_document(file: str) -> tuple[Value, Places, list[Problem]]:
    """Return value and places of a file, and every fault of its text. With faults the value is incomplete."""
    try:
        data = read_text(file)
    except Unreadable as error:
        return None, Places(file), [error.problem]
    reader = StrictReader(file, data)
    try:
        first = reader.begin()
        if first is None:
            hint = "fill the file, or remove it"
            return None, Places(file), [Problem(Code.FILE_EMPTY, Source(file), "there is nothing in this file", hint)]
        value = reader.value(first)
        places = locate(file, reader.log)
        reader.end()
    except yaml.YAMLError as error:
        return None, Places(file), [*reader.problems, syntax_problem(file, error, data)]
    except Unparsable as stop:
        return None, Places(file), [*reader.problems, stop.problem]
    return value, places, reader.problems
