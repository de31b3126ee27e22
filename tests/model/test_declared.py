"""What is declared of members: complete, and told apart from what is not."""

from typing import Annotated

import pytest
from msgspec import Struct

from reconciler.model.decision import Expectation, Parameters
from reconciler.model.declared import Declared, Form, declared, keys, stated
from tests.builders import APPROVED


def test_a_member_without_a_declaration_is_named() -> None:
    class Half(Struct):
        first: Annotated[str | None, Declared(Form.TEXT)] = None
        second: str | None = None

    class Other(Struct):
        first: Annotated[str | None, "a word"] = None

    with pytest.raises(TypeError, match=r"^Half\.second is not declared: annotate it with Declared"):
        declared(Half)
    with pytest.raises(TypeError, match=r"^Other\.first is not declared"):
        declared(Other)


def test_every_parameter_has_a_name_of_its_own_in_an_update() -> None:
    sent = [each.sent_as for each in declared(Parameters).values()]
    assert all(sent)
    assert len(set(sent)) == len(sent)


def test_only_what_is_stated_counts() -> None:
    assert [name for name, _, _ in stated(Expectation(workflow="x", state=APPROVED))] == ["workflow", "state"]
    assert list(stated(Parameters())) == []


def test_a_manifest_has_two_keys_for_a_state() -> None:
    assert keys(Expectation) == ("object", "workflow", "certificate", "status", "schedule")
