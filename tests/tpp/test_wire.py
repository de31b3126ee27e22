"""JSON ↔ model, value by value."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.decision import Parameters
from reconciler.model.status import (
    State,
    approved,
    approved_after,
    approved_between,
    pending,
    rejected,
)
from reconciler.model.ticket import Guid
from reconciler.ports import Update
from reconciler.tpp import wire
from reconciler.tpp.wire import MEANINGS, Result, describe
from tests.builders import at, guid

START, STOP = at("2022-11-25T07:15:00Z"), at("2022-11-25T09:00:00.5Z")
BODIES = [
    (pending(), '"Status": "Pending"'),
    (approved(), '"Status": "Approved"'),
    (rejected(), '"Status": "Rejected"'),
    (approved_after(START), '"Status": "Approved After", "ScheduledStart": "2022-11-25T07:15:00.000000Z"'),
    (
        approved_after(START, STOP),
        '"Status": "Approved After", "ScheduledStart": "2022-11-25T07:15:00.000000Z", '
        '"ScheduledStop": "2022-11-25T09:00:00.500000Z"',
    ),
    (
        approved_between(START, STOP),
        '"Status": "Approved Between", "ScheduledStart": "2022-11-25T07:15:00.000000Z", '
        '"ScheduledStop": "2022-11-25T09:00:00.500000Z"',
    ),
]


@pytest.mark.parametrize(("wanted", "members"), BODIES, ids=lambda value: type(value).__name__)
def test_an_update_says_status_and_schedule_and_nothing_that_was_not_asked_for(wanted: State, members: str) -> None:
    assert wire.update_body(Update(guid(1), wanted)).decode() == f'{{"GUID": "{guid(1)}", {members}}}'


def test_an_update_carries_every_parameter_that_was_asked_for() -> None:
    parameters = Parameters("a reason", ("local:{1}", "AD+CORP:2"), r"\VED\Policy\W", "data")
    assert wire.read_members(wire.update_body(Update(guid(1), approved(), "why", parameters))) == {
        "guid": guid(1),
        "status": "Approved",
        "explanation": "why",
        "approvers": [{"prefixeduniversal": "local:{1}"}, {"prefixeduniversal": "AD+CORP:2"}],
        "objectdn": r"\VED\Policy\W",
        "reason": "a reason",
        "userdata": "data",
    }


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9)), timezone(timedelta(hours=14))])))
def test_instants_survive_the_way_to_the_server_and_back(moment: datetime) -> None:
    try:
        spelled = wire.spell_instant(moment)
    except OverflowError:
        return
    assert len(spelled) == len("2022-11-25T07:15:00.000000Z")
    assert wire.instant({"at": spelled}, "at") in (moment, None if moment.astimezone(UTC).year == 1 else moment)


@pytest.mark.parametrize(
    ("spelled", "moment"),
    [
        ("/Date(1489096754000)/", at("2017-03-09T21:59:14Z")),
        ("/Date(1489096754000+0000)/", at("2017-03-09T21:59:14Z")),
        ("/Date(1489096754000-0700)/", at("2017-03-09T21:59:14Z")),
        ("/Date(-1000)/", at("1969-12-31T23:59:59Z")),
        ("/Date(-62135596800000)/", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-11-28T22:00:00.1234567Z", at("2026-11-28T22:00:00.123456Z")),
        ("2026-11-28T23:00:00+01:00", at("2026-11-28T22:00:00Z")),
        ("", None),
        (None, None),
    ],
)
def test_times_of_the_server_are_read_in_each_of_its_spellings(spelled: str | None, moment: datetime | None) -> None:
    assert wire.instant({"at": spelled}, "at") == moment


@pytest.mark.parametrize(
    "spelled",
    [
        "tomorrow",
        "2026-11-28T22:00:00",
        "2026-11-28",
        "/Date()/",
        "/Date(99999999999999999)/",
        "/Date(1)",
        "/Date(\N{ARABIC-INDIC DIGIT ONE})/",
    ],
)
def test_a_time_that_is_none_or_has_no_offset_is_refused(spelled: str) -> None:
    with pytest.raises(wire.BadAnswer, match="at is not a time with an offset"):
        wire.instant({"at": spelled}, "at")


def test_the_names_of_members_are_read_in_any_case() -> None:
    one, two = wire.read_members(b'{"guids": ["%s"]}' % guid(1).encode()), wire.read_members(b'{"GUIDs": null}')
    assert (wire.guids(one), wire.guids(two)) == ((guid(1),), ())


def test_guids_are_listed_once_in_any_spelling() -> None:
    members = wire.read_members(b'{"GUIDs": ["%s", "{%s}"]}' % (guid(1).encode(), guid(1).upper().encode()))
    assert wire.guids(members) == (guid(1),)


def test_a_status_that_nobody_knows_is_kept_as_it_is() -> None:
    members = wire.read_members(b'{"Status": "Approved Before", "ScheduledStop": "2026-11-28T22:00:00Z"}')
    assert wire.live_ticket(guid(1), members).state == State("Approved Before")


def test_a_schedule_is_read_whatever_the_status_says() -> None:
    members = wire.read_members(b'{"Status": "Approved", "ScheduledStart": "2026-11-28T22:00:00Z"}')
    assert wire.live_ticket(guid(1), members).state == State("Approved", at("2026-11-28T22:00:00Z"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is empty"),
        (b"<html>", "the answer is not JSON"),
        (b'{"Result": 1', "the answer is not JSON"),
        (b'{"Result": 1} x', "the answer is not JSON"),
        (b'{"Result": NaN}', "NaN is not JSON"),
        (b'{"Result": -Infinity}', "-Infinity is not JSON"),
        (b'{"Result": 1, "Result": 3}', "a member stands twice in one object"),
        (b'{"Result": 1, "result": 3}', "a member stands twice in one object"),
        (b'{"a": {"b": 1, "B": 2}}', "a member stands twice in one object"),
        (b"[" * 100_000, "the answer is nested too deeply"),
        (b'{"a":' * 100_000, "the answer is nested too deeply"),
        (b"\xff\xfe", "the answer is not UTF-8 text"),
        (b'{"Result": ' + b"9" * 5000 + b"}", "the answer is not JSON"),
        (b"[1]", "the answer is not a JSON object"),
        (b"1", "the answer is not a JSON object"),
        (b" " * (wire.LARGEST_ANSWER + 1), "the answer is larger than 4194304 bytes"),
    ],
    ids=lambda value: value[:20].hex() if isinstance(value, bytes) else value,
)
def test_a_body_that_is_no_sound_object_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(wire.BadAnswer) as refusal:
        wire.read_members(body)
    assert str(refusal.value) == why


def plainly_read(body: bytes) -> Any:
    """What the standard library makes of a body, without a step that is there for speed; None for a faulty one."""
    try:
        decoder = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_refuse)
        return _lowered(decoder.decode(body.decode("utf-8-sig")))
    except ValueError:
        return None


def _refuse(name: str) -> None:
    raise ValueError(name)


def _lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [_lowered(each) for each in value]
    if not isinstance(value, tuple):
        return value
    members = {name.lower(): _lowered(each) for name, each in value}
    if len(members) != len(value):
        raise ValueError("a member stands twice")
    return members


NAMES = st.sampled_from(["Result", "result", "Status", "GUID", "\u0130", "i\u0307", ""]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, min_size=1, max_size=3),
    max_leaves=5,
)
BEFORE = st.sampled_from(
    [b"", b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf", b" \r\n\t", b"\x0c", b"\xc2\xa0", b"x"]
)
AFTER = st.sampled_from(
    [b"", b"", b"\r\n", b" \t", b"\x0b", b"\xc2\xa0", b"\x00", b" {}", b",", b"\xef\xbb\xbf", b"\xff"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """An object, some of whose names may stand twice, with something before and after it."""
    pairs = draw(st.lists(st.tuples(NAMES, VALUES), max_size=4))
    said = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs)
    return draw(BEFORE) + f"{{{said}}}".encode() + draw(AFTER)


@settings(max_examples=500)
@given(body=bodies() | st.binary(max_size=12))
def test_a_body_is_read_as_the_standard_library_reads_it_or_refused(body: bytes) -> None:
    plain = plainly_read(body) if body else None
    try:
        members = wire.read_members(body)
    except wire.BadAnswer:
        assert not isinstance(plain, dict)
    else:
        assert members == plain


@given(ticket=st.text() | st.just(guid(1)))
def test_the_body_of_a_call_about_one_ticket_is_spelled_as_any(ticket: str) -> None:
    assert wire.ticket_body(Guid(ticket)) == wire.encode({"GUID": ticket})


TIMES = st.from_regex(
    r"/Date\(-?[0-9]{1,17}([+-][0-9]{4})?\)/|2026-1[0-9]-[0-3][0-9].12:00(:00(\.[0-9]{1,9})?)?(Z|[+]02:00)?"
)


@given(spelled=TIMES | st.text(max_size=30) | st.just("2026-11-28T22:00:00.5" + "0" * 200 + "Z"))
def test_a_time_that_was_read_before_is_read_alike_again(spelled: str) -> None:
    def read() -> Any:
        try:
            return wire.instant({"at": spelled}, "at")
        except wire.BadAnswer as error:
            return str(error)

    assert read() == read()
    sound = wire.text({"at": spelled}, "at")
    try:
        plain = wire._moment(sound) if sound else None
    except (ValueError, OverflowError):
        plain = None
    assert read() == plain or (plain is None and read() == "at is not a time with an offset")


def test_a_lone_surrogate_can_not_reach_any_output() -> None:
    members = wire.read_members(
        b'{"Status": "Pending", "ApprovalReason": "a\\ud800b \\ud83d\\ude00", "Blocking": "\\udfff"}'
    )
    ticket = wire.live_ticket(guid(1), members)
    assert (ticket.reason, ticket.object) == ("a\N{REPLACEMENT CHARACTER}b 😀", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    "body",
    [
        b'{"Status": null}',
        b'{"Status": 1}',
        b'{"Status": "Pending", "Blocking": ["x"]}',
        b'{"Status": "Pending", "Approvers": "x"}',
        b'{"Status": "Pending", "Approvers": [1]}',
        b'{"Status": "Pending", "GUID": "x"}',
        b'{"Status": "Pending", "GUID": true}',
        b'{"Status": "Pending", "Updated": 1489096754000}',
        b'{"Status": "Approved Between", "ScheduledStop": "2026-11-28T22:00:00Z"}',
    ],
)
def test_a_ticket_with_a_member_of_the_wrong_type_is_refused(body: bytes) -> None:
    with pytest.raises(wire.BadAnswer):
        wire.live_ticket(guid(1), wire.read_members(body))


def test_every_result_has_its_meaning_and_what_to_do() -> None:
    assert set(MEANINGS) == set(Result) == set(range(9))
    assert {result for result, meaning in MEANINGS.items() if meaning.executed is None} == {0, 2, 7}
    assert describe(Result.BAD_ARGUMENTS) == (
        "Result 5 (BadArguments): the server refuses an argument; check the decision's parameters and times"
    )
