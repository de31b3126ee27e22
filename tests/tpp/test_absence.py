"""Since when a server is away, for each call."""

from reconciler.tpp.absence import Absence


def test_an_answer_to_any_call_ends_the_absence_for_those_that_could_not_connect() -> None:
    absence = Absence()
    absence.noticed("verify", 10.0, connected=False)
    assert absence.since("details", 15.0) == 10.0
    absence.ended("details")
    assert absence.since("verify", 80.0) == 80.0
    absence.noticed("verify", 80.0, connected=False)
    assert absence.since("verify", 85.0) == 80.0


def test_an_answer_503_is_about_its_call_until_that_one_is_answered() -> None:
    absence = Absence()
    absence.noticed("details", 10.0, connected=True)
    absence.noticed("details", 20.0, connected=True)
    absence.ended("verify")
    assert (absence.since("details", 30.0), absence.since("verify", 30.0)) == (10.0, 30.0)
    absence.ended("details")
    assert absence.since("details", 40.0) == 40.0
