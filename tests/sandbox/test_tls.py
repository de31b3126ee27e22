"""TLS and client certificates; the vendor's own clients are in test_vendor_clients.py."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme

from reconciler.errors import InvalidInput
from reconciler.sandbox.running import Listening, Sandbox, running_sandbox, server_context
from reconciler.sandbox.seed import APPROVER
from tests.sandbox.client import Client

CA = trustme.CA()
SERVER = CA.issue_cert("127.0.0.1", "localhost")
PERSON = CA.issue_cert("svc-approver@example.com", common_name="svc-approver")
STRANGER = CA.issue_cert("stranger@example.com", common_name="stranger")
FOREIGNER = trustme.CA().issue_cert("svc-approver@example.com", common_name="svc-approver")


@dataclass(frozen=True)
class Secured:
    """A sandbox over TLS, and the files that a client needs."""

    sandbox: Sandbox
    ca: Path
    folder: Path

    def login(self, certificate: trustme.LeafCert | None) -> requests.Response:
        """Ask for a grant with a client certificate."""
        with Client(self.sandbox.url, None) as client:
            client.session.verify = str(self.ca)
            if certificate:
                path = self.folder / "client.pem"
                certificate.private_key_and_cert_chain_pem.write_to_path(path)
                client.session.cert = str(path)
            return client.post("/vedauth/authorize/certificate", client_id="reconciler", scope="certificate:approve")


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    ca, server = tmp_path / "ca.pem", tmp_path / "server.pem"
    CA.cert_pem.write_to_path(ca)
    SERVER.private_key_and_cert_chain_pem.write_to_path(server)
    with running_sandbox(listening=Listening(tls=server_context(server, client_ca=ca))) as sandbox:
        yield Secured(sandbox, ca, tmp_path)


def test_a_client_certificate_gives_a_grant_of_its_identity(secured: Secured) -> None:
    answer = secured.login(PERSON)

    assert secured.sandbox.url.startswith("https://127.0.0.1:")
    assert (answer.status_code, answer.json()["identity"]) == (200, APPROVER.universal)


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (None, "No client certificate was presented"),
        (STRANGER, "The client certificate belongs to no identity"),
    ],
)
def test_no_certificate_and_an_unknown_one_are_refused(
    secured: Secured, certificate: trustme.LeafCert | None, reason: str
) -> None:
    answer = secured.login(certificate)

    assert (answer.status_code, answer.json()["error_description"]) == (400, reason)


def test_a_certificate_of_another_ca_does_not_get_through(secured: Secured) -> None:
    with pytest.raises(requests.ConnectionError):
        secured.login(FOREIGNER)


def test_a_client_that_does_not_know_the_ca_does_not_trust_the_sandbox(secured: Secured) -> None:
    with Client(secured.sandbox.url, None) as client, pytest.raises(requests.exceptions.SSLError):
        client.get("/vedsdk/systemstatus/version")


def test_files_that_are_no_certificates_are_told(tmp_path: Path) -> None:
    wrong = tmp_path / "server.pem"
    wrong.write_text("no certificate")
    with pytest.raises(InvalidInput, match="the TLS certificate or its key can't be used"):
        server_context(wrong)
    SERVER.private_key_and_cert_chain_pem.write_to_path(tmp_path / "good.pem")
    with pytest.raises(InvalidInput, match="the CA of client certificates can't be used"):
        server_context(tmp_path / "good.pem", client_ca=tmp_path / "absent.pem")


def test_tls_is_1_2_at_least(tmp_path: Path) -> None:
    SERVER.private_key_and_cert_chain_pem.write_to_path(tmp_path / "good.pem")

    assert server_context(tmp_path / "good.pem").minimum_version >= ssl.TLSVersion.TLSv1_2
