"""Rules of a campaign: the tickets that they may take are found and read, then the rules are expanded."""

from reconciler.cli.wiring import House
from reconciler.errors import InvalidInput
from reconciler.model.decision import Desired
from reconciler.model.ticket import Found
from reconciler.model.value import replace
from reconciler.planning.selections import expand
from reconciler.ports import TicketReader
from reconciler.tpp.finding import find_tickets


def expand_selections(house: House, reader: TicketReader, desired: Desired) -> Desired:
    """Return the desired state with each rule replaced by decisions on single tickets.

    Only tickets that the caller can list are taken. Raises InvalidInput, ServerFailure.
    """
    explicit = frozenset(decision.guid for decision in desired.decisions)
    guids = [guid for guid in find_tickets(house.session) if guid not in explicit]
    readings = (reading for _, reading in reader.read_many(guids))
    candidates = [reading.ticket for reading in readings if isinstance(reading, Found)]
    decisions, problems = expand(desired.selections, candidates, explicit)
    if problems:
        raise InvalidInput(problems)
    return replace(desired, decisions=desired.decisions + decisions, selections=())
