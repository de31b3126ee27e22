"""Identities, tickets found without a GUID, and the look at the token before the first write."""

import pytest

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.settings import Requests
from reconciler.sandbox import wrong_answers
from reconciler.sandbox.identities import Principal
from reconciler.sandbox.seed import APPROVER, JANE, JOE, PKI_TEAM
from reconciler.tpp import identities
from reconciler.tpp.backend import find_tickets
from reconciler.tpp.checks import Grant, check_before_writing, server_version, time_objection, verify
from reconciler.tpp.identities import own_identities, resolve_identities
from reconciler.tpp.secrets import Secret, Secrets
from tests.builders import OBJECT, guid
from tests.tpp.answering import AnsweringServer, http
from tests.tpp.conftest import Tpp
from tests.tpp.opening import session_with

CONFIGURATION = "certificate:approve;configuration"


def test_names_become_prefixed_universals_each_asked_for_once(tpp: Tpp) -> None:
    token = Secret(tpp.sandbox.issue(CONFIGURATION))
    names = [JOE.name, JOE.name.upper(), JOE.universal, APPROVER.universal, "jane", "AD+CORP:pki-team", JOE.name]
    with session_with(tpp.sandbox.url, secrets=Secrets(token=token)) as session:
        found = resolve_identities(session, names)
    assert found == identities.Resolution(
        {
            JOE.name: JOE.universal,
            JOE.name.upper(): JOE.universal,
            JOE.universal: JOE.universal,
            APPROVER.universal: APPROVER.universal,
            "jane": JANE.universal,
            "AD+CORP:pki-team": PKI_TEAM.universal,
        },
        {},
    )
    assert len(tpp.sandbox.log.calls("identityValidate")) == 5


def test_unknown_and_ambiguous_names_are_told_apart(tpp: Tpp) -> None:
    tpp.sandbox.tpp.directory.add(Principal("AD+LAB:99aa99aa99aa99aa", "AD+LAB:jdoe", "Another Joe"))
    token = Secret(tpp.sandbox.issue(CONFIGURATION))
    with session_with(tpp.sandbox.url, secrets=Secrets(token=token)) as session:
        found = resolve_identities(session, ["jdoe", "AD+CORP:nobody", "AD+CORP:jdo", "local:nobody"])
    assert found.universals == {}
    assert found.unresolved == {
        "jdoe": "jdoe is ambiguous: it fits AD+CORP:jdoe and AD+LAB:jdoe, perhaps others",
        "AD+CORP:nobody": "AD+CORP:nobody is not known to the server",
        "AD+CORP:jdo": "AD+CORP:jdo is not known to the server",
        "local:nobody": "local:nobody is not known to the server",
    }


def test_an_empty_answer_to_validate_means_that_there_is_no_such_identity() -> None:
    with (
        AnsweringServer(default={"validate": http(200, b""), "browse": http(200, {"Identities": None})}) as server,
        session_with(server.url) as session,
    ):
        assert resolve_identities(session, ["AD+CORP:jdoe"]).unresolved == {
            "AD+CORP:jdoe": "AD+CORP:jdoe is not known to the server"
        }


def test_resolving_without_the_scope_says_which_one_is_missing(tpp: Tpp) -> None:
    token = Secret(tpp.sandbox.issue("certificate:approve"))
    with (
        session_with(tpp.sandbox.url, secrets=Secrets(token=token)) as session,
        pytest.raises(CredentialsRefused, match=r"lacks a scope or a right for identity-validate \(403\)"),
    ):
        resolve_identities(session, [JOE.name])


def test_the_caller_comes_first_and_then_its_groups(tpp: Tpp) -> None:
    token = Secret(tpp.sandbox.issue("certificate", identity=JOE.name))
    with session_with(tpp.sandbox.url, secrets=Secrets(token=token)) as session:
        own = own_identities(session)
    assert own == (
        identities.Identity(JOE.universal, JOE.name),
        identities.Identity(PKI_TEAM.universal, PKI_TEAM.name),
    )


def test_tickets_are_found_by_object_by_user_data_and_of_the_caller(tpp: Tpp) -> None:
    assert find_tickets(tpp.session, object_dn=f"{OBJECT}-3") == (guid(3),)
    assert sorted(find_tickets(tpp.session)) == [guid(number) for number in range(1, 9)]
    assert find_tickets(tpp.session, user_data="nobody") == ()


def test_tickets_newer_than_the_session_are_found(tpp: Tpp) -> None:
    new = tpp.sandbox.world.add_ticket(object=r"\VED\Policy\New", new=True)
    assert find_tickets(tpp.session, object_dn=r"\VED\Policy\New") == (new.guid,)


def test_an_object_that_is_not_there_is_named(tpp: Tpp) -> None:
    tpp.sandbox.faults.add(wrong_answers.says('{"Result": 6}', 400), operation="ticketEnumerate")
    with pytest.raises(ServerFailure) as failure:
        find_tickets(tpp.session, object_dn=r"\VED\Policy\Typo")
    assert failure.value.message.startswith(r"tickets on \VED\Policy\Typo can't be listed: Result 6")


def test_the_token_says_who_we_are_and_what_we_may(tpp: Tpp) -> None:
    grant = verify(tpp.session)
    assert grant.identity == APPROVER.universal
    assert grant.approves
    assert grant.privileges["configuration"] == {"delete", "manage"}
    assert grant.valid_for is not None
    assert server_version(tpp.session).count(".") == 3


@pytest.mark.parametrize(
    ("scope", "approves"),
    [
        ("certificate:approve,delete,manage;configuration:delete", True),
        ("configuration:delete;ssh:Approve", True),
        ("certificate:manage;approve:delete", False),
        ("certificate", False),
        ("", False),
        (";;:;", False),
    ],
)
def test_the_approve_privilege_on_any_resource_will_do(scope: str, approves: bool) -> None:
    assert Grant("local:x", scope).approves is approves


def test_a_token_without_the_approve_privilege_is_refused_before_the_first_write(tpp: Tpp) -> None:
    token = Secret(tpp.sandbox.issue("certificate:manage"))
    with (
        session_with(tpp.sandbox.url, secrets=Secrets(token=token)) as session,
        pytest.raises(CredentialsRefused) as refusal,
    ):
        check_before_writing(session, 3)
    assert refusal.value.message == (
        f"the token of {APPROVER.universal} can't approve: its scope is certificate:manage, "
        "and UpdateStatus needs the approve privilege on any resource, such as certificate:approve"
    )
    assert refusal.value.hint == (
        "an administrator adds the scope to the API integration of this client_id, and its users or roles, "
        "in the console under API > Integrations; then get a new grant that asks for it"
    )
    assert tpp.updates == []


def test_a_token_that_would_expire_during_the_run_is_refused() -> None:
    grant = Grant("local:x", "certificate:approve", valid_for=100)
    assert time_objection(grant, 90, Requests(writes=4, settle=5)) is None
    objection = time_objection(grant, 100, Requests(writes=4, settle=5))
    assert objection is not None
    assert objection.message == "the token of local:x is valid for 100 s, and 100 changes take about 105 s"


def test_a_token_that_may_write_passes(tpp: Tpp) -> None:
    assert check_before_writing(tpp.session, 3) == verify(tpp.session)
