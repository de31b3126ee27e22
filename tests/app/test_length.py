"""How long an apply will take, said by the plan where somebody would wonder."""

from reconciler.app.plan import length_note
from reconciler.model.settings import Requests


def test_a_short_apply_needs_no_estimate() -> None:
    assert length_note(100, 0.05, Requests()) == ()
    assert length_note(0, 90.0, Requests()) == ()


def test_a_long_one_is_estimated_from_the_calls_of_the_plan() -> None:
    assert length_note(2000, 0.5, Requests()) == ("an apply takes about 12 min: 2,000 changes, 4 at a time",)


def test_one_that_the_deadline_will_end_says_so() -> None:
    assert length_note(2000, 0.5, Requests(deadline=600.0)) == (
        "an apply takes about 12 min: 2,000 changes, 4 at a time; requests.deadline of 600 s ends it before: "
        "raise it, or use --shard",
    )
    assert len(length_note(100, 0.5, Requests(deadline=10.0))) == 1
