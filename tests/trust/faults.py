"""Everything that a server, or what stands before it, can do wrong to one call. Each with and without the effect."""

from collections.abc import Callable

from reconciler.sandbox import wrong_answers as wrong
from reconciler.sandbox.fault_injection import Drop, Fault, Hang, Raw, Say, Trickle, Truncate, WrongResult

LONGER_THAN_WE_WAIT = 0.4
"""Seconds; the client waits for `harness.IMPATIENT` when a fault is slow."""
SUCCESS = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"Result": 1}'
SOMEBODY_ELSES = (
    '{"Result": 1, "GUID": "0badf00d-0000-4000-8000-000000000000", "Status": "Rejected", "Approvers": [], '
    r'"Blocking": "\\VED\\Policy\\Web\\other", "IssuedDueTo": "\\VED\\Policy\\Workflows\\other"}'
)
"""What Ticket/Details says of another ticket: an answer that belongs to another request."""

_MAKERS: dict[str, Callable[[bool], Fault]] = {
    "drop": Drop,
    "reset": lambda effect: Drop(effect, reset=True),
    "hang": lambda effect: Hang(LONGER_THAN_WE_WAIT, effect),
    "deadlock": lambda effect: wrong.deadlock(effect=effect),
    "500": lambda effect: Say(500, b"oops", effect=effect),
    "502": lambda effect: wrong.gateway(502, effect=effect),
    "503": lambda effect: wrong.gateway(503, effect=effect),
    "504": lambda effect: wrong.gateway(504, effect=effect),
    "429": lambda effect: wrong.push_back(429, "2", effect=effect),
    "503-later": lambda effect: wrong.push_back(503, None, effect=effect),
    "sign-in-page": lambda effect: wrong.html(effect=effect),
    "empty": lambda effect: wrong.empty(effect=effect),
    "null": lambda effect: wrong.says("null", effect=effect),
    "list": lambda effect: wrong.says("[]", effect=effect),
    "no-json": lambda effect: wrong.says("{'Result': 1}", effect=effect),
    "not-utf-8": lambda effect: wrong.says(b'{"Result": 1, "x": "\xff"}', effect=effect),
    "400-page": lambda effect: Say(400, b"<h1>Bad Request</h1>", effect=effect),
    "400-success": lambda effect: wrong.says('{"Result": 1}', 400, effect=effect),
    "truncated": lambda effect: Truncate(12, effect),
    "cut-off": lambda effect: Truncate(5, effect, cut=True),
    "no-http": lambda effect: Raw(b"\x16\x03\x01 hello\r\n\r\n", effect),
    "103-first": lambda effect: Raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + SUCCESS, effect),
    "two-answers": lambda effect: Raw(SUCCESS + SUCCESS, effect),
    "stray": lambda effect: wrong.says(SOMEBODY_ELSES, effect=effect),
    "no-result": lambda effect: WrongResult(missing=True, effect=effect),
    "result-text": lambda effect: WrongResult("1", effect=effect),
    "result-true": lambda effect: WrongResult(True, effect=effect),
    "result-null": lambda effect: WrongResult(None, effect=effect),
    "result-nested": lambda effect: WrongResult({"Result": 1}, effect=effect),
    "result-9": lambda effect: WrongResult(9, effect=effect),
    **{f"result-{number}": lambda effect, number=number: WrongResult(number, effect=effect) for number in range(9)},
}

_WITHOUT_EFFECT: dict[str, Fault] = {
    "401": wrong.unauthorized(),
    "403": wrong.forbidden(),
    "404": Say(404, b"not here"),
    "405": Say(405, b"no"),
    "413": Say(413, b"too much"),
    "redirect": wrong.redirect("https://login.example.com/", 302),
    "redirect-307": wrong.redirect("/vedsdk/elsewhere", 307),
    "trickle": Trickle(0.05),
}

FAULTS: dict[str, Fault] = {
    **{f"{name}-before": make(False) for name, make in _MAKERS.items()},
    **{f"{name}-after": make(True) for name, make in _MAKERS.items()},
    **_WITHOUT_EFFECT,
}
"""By name. `-before`: the server has done nothing. `-after`: it has, and then this happened. `trickle`: it has, too."""

REFUSES = frozenset({"401", "403", *(f"result-{number}-before" for number in (3, 4, 5, 6, 8))})
"""Answers of TPP itself that prove that it executed nothing."""
NO_EFFECT_YET = sorted(
    name
    for name in FAULTS
    if (name.endswith("-before") or name in _WITHOUT_EFFECT) and name not in REFUSES | {"trickle", "hang-before"}
)
"""Faults after which the update has not taken effect and still can. Those left out have it while they are slow."""
SAYS_SUCCESS_AND_DID_NOTHING = frozenset({"result-1-before", "stray-before"})
SAYS_GONE_AND_DID_IT = frozenset({"result-3-after"})
SAYS_DENIED_AND_DID_IT = frozenset({"result-4-after"})
SLOW = frozenset({"hang-before", "hang-after", "trickle"})
