r"""Faults whose usual cause is not what the parser, OpenSSL or git says: each gets the remedy that fits."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from reconciler.github.git import Git, GitFailure
from reconciler.sandbox.running import Listening, running_sandbox
from tests.cli.repo import FIRST, SECOND, THIRD, Repo

HEAD = "version: 1\ntickets:\n"
ENTRY = f"  - guid: {FIRST}\n    status: Approved\n"
FAULTS: dict[str, tuple[str, str, str]] = {
    "a tab for indentation": (f"{HEAD}\t- guid: {FIRST}\n", "3:1: error: a tab is used for indentation", "use spaces"),
    "a tab before a syntax error": (
        f"{HEAD}  - guid:\t{FIRST}\n    status: Approved\n    explanation: a: b\n",
        "5:19: error: not YAML: mapping values are not allowed in this context",
        "a value that contains `: ` needs quotes; otherwise check the indentation",
    ),
    "a tab in a text before a syntax error": (
        f'{HEAD}{ENTRY}    explanation: "a\tb"\n    change: [x\n',
        "7:1: error: not YAML: did not find expected `,` or `]`",
        "look for a quote or bracket that is not closed",
    ),
    "a GUID in braces": (
        f"{HEAD}  - guid: {{{FIRST}}}\n    status: Approved\n",
        "3:11: error: `guid` must be text, not a map: braces make it one",
        "put it into quotes, or leave out the braces",
    ),
    "merge conflict": (
        f"{HEAD}<<<<<<< HEAD\n{ENTRY}=======\n{ENTRY}>>>>>>> theirs\n",
        "3:1: error: a merge conflict is not resolved here",
        "decide which lines stay, and remove those that begin with <<<<<<<, ======= and >>>>>>>",
    ),
    "escapes of JSON": (
        f'{{"version": 1, "tickets": [{{"guid": "{FIRST}", "status": "Approved", "explanation": "\\ud83d\\ude00"}}]}}',
        "error: not YAML: found invalid Unicode character escape code",
        "write the character itself: YAML has no pairs of \\ud… escapes, as JSON has",
    ),
    "backslashes in double quotes": (
        f'{HEAD}{ENTRY}    expect: {{object: "\\VED\\Policy\\x"}}\n',
        "5:23: error: not YAML: found unknown escape character",
        "write backslashes in single quotes or without quotes, for example '\\VED\\Policy'",
    ),
    "a comment in brackets": (
        f"{HEAD}{ENTRY}    expect: {{object: \\VED\\Policy\\host #1}}\n",
        "6:1: error: not YAML: did not find expected `,` or `}`",
        "a ` #` begins a comment, and what closes the bracket is in it: put the value into quotes",
    ),
    "a number that is converted": (
        f"{HEAD}  - guid: {FIRST}\n    status: 0x10\n    change: 0041234\n",
        "4:13: error: `status` can't be `0x10`",
        "use one of: `Approved`, `Approved After`, `Approved Between`, `Pending`, `Rejected`",
    ),
    "leading zeros": (
        f"{HEAD}{ENTRY}    change: 0041234\n",
        "5:13: error: `change` must be text, not a number (`0041234`)",
        "put it into quotes",
    ),
    "zero width": (
        f"{HEAD}{ENTRY}    explanation: zero\u200bwidth\n",
        "5:22: error: character U+200B is invisible, so that two names can look alike",
        "remove it; it comes from a copied text",
    ),
    "a name that a comment cuts off": (
        f"{HEAD}{ENTRY}    expect:\n      object: \\VED\\Policy\\host #1\n",
        "6:15: warning: `\\VED\\Policy\\host` ends before ` #`, which begins a comment",
        "put the text into quotes if `#` belongs to it, else the comment on a line of its own",
    ),
    "a parameter that a comment cuts off": (
        f"{HEAD}{ENTRY}    parameters:\n      user_data: ticket #42 of Joe\n",
        "6:18: warning: `ticket` ends before ` #`, which begins a comment",
        "put the text into quotes if `#` belongs to it, else the comment on a line of its own",
    ),
    "a text that a comment cuts off": (
        f"{HEAD}{ENTRY}    explanation: ticket #42 of Joe # thanks\n",
        "5:18: warning: `ticket` ends before ` #`, which begins a comment",
        "put the text into quotes if `#` belongs to it, else the comment on a line of its own",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_manifest_is_told_with_the_remedy_that_fits(repo: Repo, fault: str) -> None:
    text, message, remedy = FAULTS[fault]
    repo.write("tickets/web.yaml", text)
    said = repo.run("validate")
    assert f"tickets/web.yaml:{message}" in said.out or message in said.out, said.out
    assert f"    help: {remedy}\n" in said.out
    assert said.code == (0 if "warning:" in message else 1)


def test_comments_after_texts_are_no_fault(repo: Repo) -> None:
    repo.write("tickets/web.yaml", f"{HEAD}{ENTRY}    explanation: fine # as it is\n    change: CHG1   ## seen\n")
    assert repo.run("validate").out == "valid: 1 decision in 1 file\n"


@pytest.mark.parametrize(
    ("address", "message", "remedy"),
    [
        ("https://::1", "is not a URL", "put the IPv6 address into brackets: `[::1]`"),
        ("https://[::1", "is not a URL", "put the IPv6 address into brackets: `[::1]`"),
        ("https://fe80::1%eth0", "is not a URL", "leave out what follows the `%`"),
        ("https://[fe80::1%25eth0]", "is not a URL", "leave out what follows the `%`"),
        ("https://tpp.example.com:0", "port `0` of the server does not exist", "use 1 to 65535, or leave it out"),
        (
            "https://tpp.example.com:99999",
            "port `99999` of the server does not exist",
            "use 1 to 65535, or leave it out",
        ),
    ],
)
def test_an_address_that_can_not_be_one_is_told_with_the_remedy_that_fits(
    repo: Repo, address: str, message: str, remedy: str
) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    repo.environ("TPP_URL", address)
    said = repo.run("plan")
    assert (said.code, message in said.err, f"help: {remedy}" in said.err) == (1, True, True), said.err


def _behind_tls(repo: Repo, tmp_path: Path, *names: str, **options: object) -> tuple[str, str]:
    """Ask a server whose certificate has these names by its address, and return what plan and doctor say."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)  # type: ignore[arg-type]
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    with running_sandbox(listening=Listening(tls=context)) as sandbox:
        repo.environ("TPP_URL", sandbox.url)
        repo.environ("TPP_CA_BUNDLE", str(tmp_path / "ca.pem"))
        return repo.run("plan").err, repo.run("doctor").out


def test_a_certificate_for_another_name_asks_for_no_authority(repo: Repo, tmp_path: Path) -> None:
    planned, looked = _behind_tls(repo, tmp_path, "other.example.com")
    remedy = "write the URL with a name that the certificate has, or have the certificate reissued with this one"
    assert "IP address mismatch" in planned
    assert f"help: {remedy}" in planned
    assert f"— {remedy}" in looked


def test_a_certificate_that_has_expired_asks_for_a_new_one(repo: Repo, tmp_path: Path) -> None:
    planned, looked = _behind_tls(repo, tmp_path, "127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    assert "help: have the server's certificate renewed, if this machine's clock is right" in planned
    assert "have the server's certificate renewed" in looked


def _git(folder: Path, *arguments: str) -> None:
    somebody = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *somebody, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(repo: Repo) -> Repo:
    """A checkout with one commit that has one manifest."""
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    _git(repo.folder, "init", "-q", "-b", "main")
    _git(repo.folder, "add", ".")
    _git(repo.folder, "commit", "-q", "-m", "first")
    return repo


@pytest.mark.parametrize(
    ("revision", "message", "remedy"),
    [
        ("HEAD~1", "the history of HEAD does not go back that far", "leave --since out: everything is new"),
        (
            "nowhere",
            "there is no such commit here",
            "name a commit, branch or tag of this checkout, and fetch it first",
        ),
    ],
)
def test_a_revision_that_is_not_there_is_told_with_its_cause(
    checkout: Repo, revision: str, message: str, remedy: str
) -> None:
    said = checkout.run("plan", "--since", revision)
    assert (said.code, said.err) == (4, f"error: --since {revision}: {message}\n  help: {remedy}\n")


def test_before_the_first_commit_and_outside_of_git_since_says_so(repo: Repo) -> None:
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert "this is no git checkout" in repo.run("plan", "--since", "HEAD").err
    _git(repo.folder, "init", "-q")
    assert "there is no commit yet" in repo.run("plan", "--since", "HEAD").err


def test_a_shallow_checkout_is_told_as_the_cause(checkout: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    _git(checkout.folder, "commit", "-q", "--allow-empty", "-m", "second")
    _git(checkout.folder, "clone", "-q", "--depth", "1", f"file://{checkout.folder}", "shallow")
    monkeypatch.chdir(checkout.folder / "shallow")
    assert "`fetch-depth: 0` of actions/checkout" in checkout.run("plan", "--since", "HEAD~1").err


@pytest.mark.parametrize("revision", ["0" * 40, "4b825dc642cb6eb9a060e54bf8d69288fbee4904"])
def test_since_nothing_plans_everything(checkout: Repo, revision: str) -> None:
    assert "Plan: 1 will change (1 approve)" in checkout.run("plan", "--since", revision).out


def test_what_git_does_not_know_or_follows_a_link_to_is_planned(
    checkout: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.decide(f"{{guid: {SECOND}, status: Approved}}", name="tickets/new.yaml")
    checkout.decide(f"{{guid: {THIRD}, status: Approved}}", name="elsewhere/linked.yaml")
    (checkout.folder / "tickets/linked.yaml").symlink_to("../elsewhere/linked.yaml")
    for folder in (checkout.folder, checkout.folder / "tickets"):
        monkeypatch.chdir(folder)
        assert "Plan: 2 will change (2 approve)" in checkout.run("plan", "--since", "HEAD").out
    monkeypatch.chdir(checkout.folder)
    _git(checkout.folder, "add", ".")
    _git(checkout.folder, "commit", "-q", "-m", "second")
    checkout.decide(f"{{guid: {THIRD}, status: Rejected}}", name="elsewhere/linked.yaml")
    assert "Plan: 1 will change (1 reject)" in checkout.run("plan", "--since", "HEAD").out


def test_a_push_that_the_remote_refuses_is_told_in_the_words_of_the_remote(checkout: Repo) -> None:
    remote = checkout.folder / "remote.git"
    _git(checkout.folder, "init", "-q", "--bare", str(remote))
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'error: GH013: Repository rule violations found' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitFailure) as failure:
        Git.open(checkout.folder, {"PATH": "/usr/bin:/bin"}, "", "").run("push", str(remote), "main")
    assert "remote: error: GH013: Repository rule violations found" in failure.value.message
    assert "! [remote rejected] main -> main (pre-receive hook declined)" in failure.value.message


def test_runs_that_share_a_refresh_token_go_on_from_its_store_and_are_told_when_they_can_not(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.configure("auth: {method: refresh, token_file: token}\n")
    repo.environ("TPP_USERNAME", "svc-approver")
    repo.environ("TPP_PASSWORD", "correct horse battery staple")
    repo.decide(f"{{guid: {FIRST}, status: Approved}}")
    assert repo.run("auth", "login").code == 0
    used = (repo.folder / "token").read_bytes()
    monkeypatch.delenv("TPP_TOKEN")
    assert [repo.run("plan").code for _ in range(3)] == [0, 0, 0]
    (repo.folder / "token").write_bytes(used)
    said = repo.run("plan")
    assert (said.code, "`reconciler auth login` gets a new grant" in said.err) == (4, True)
    assert "Each works once, so runs that share one have to share the store" in said.err
