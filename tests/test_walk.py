"""How much of the code one ticket passes on its way: a bound that nobody raises without noticing."""

import pytest

from benchmarks.walk import MOST, measure


@pytest.mark.slow
def test_one_ticket_passes_no_more_functions_and_files_than_before() -> None:
    for command, files in measure().items():
        functions = sum(map(len, files.values()))
        assert (functions <= MOST[command][0], len(files) <= MOST[command][1]) == (True, True), (functions, len(files))
