"""The table of backends: for each server product, how to connect for reading, and how to get a writer.

Another product is a package beside `tpp/` and a line here. Only `app/apply.py` may ask for a writer; a test holds that.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from reconciler.model.settings import Settings
from reconciler.ports import Backend, Clock, Probe, TicketWriter
from reconciler.tpp import backend as tpp
from reconciler.tpp.checks import probe_way

WorkloadToken = Callable[[str], str]
"""Gets a JWT for an audience from the platform that the run works on."""


@dataclass(frozen=True, slots=True)
class Product:
    """How to work with one server product."""

    connect: Callable[[Settings, Mapping[str, str], Clock, WorkloadToken], AbstractContextManager[Backend]]
    writer: Callable[[Backend], TicketWriter]
    probe: Callable[[Settings, Clock], Iterable[Probe]]


BACKENDS = {tpp.PRODUCT: Product(tpp.connect, tpp.writer, probe_way)}
DEFAULT = tpp.PRODUCT


def ticket_writer(backend: Backend) -> TicketWriter:
    """Return a writer for a connected backend."""
    return BACKENDS[backend.product].writer(backend)
