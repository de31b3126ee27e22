"""The configuration as settings: environments, variables, paths, and nothing secret."""

from pathlib import Path

import pytest

from reconciler.errors import InvalidInput
from reconciler.manifests.config import check_settings, load_settings
from reconciler.model.policy import FourEyes, Freeze, Limits, Policy, RecurringWindow
from reconciler.model.settings import Auth, AuthMethod, LedgerBranch, Requests, Settings, SingleWindow, Tls
from reconciler.model.value import replace
from tests.builders import at
from tests.manifests.corpus import EXAMPLES, VALID

OVERRIDING = VALID / "config" / "overriding.yaml"
EVERYTHING = """\
version: 1
server: https://tpp.example.com
tickets: [tickets, more/tickets]
ledger: ../ledger
timezone: Europe/Berlin
auth:
  method: jwt
  client_id: me
  scope: certificate:approve,manage;configuration
  audience: https://tpp.example.com/vedauth
  token_file: ~/token
  keyring: tpp
  username: joe
  jwt_command: [vault, read, jwt]
tls: {ca_bundle: ca.pem, client_cert: cert.pem, client_key: key.pem}
requests:
  {reads: 1, writes: 2, connect_timeout: 3, read_timeout: 4.5, settle: 0, patience: 10m, wait: 1m, grace: 7,
   deadline: 1h}
plan: {expires: 1d2h3m4s}
policy:
  require: [change]
  change_pattern: ^CHG
  owns: ['**']
  limits: {changes: 1, approvals: 2, rejections: 3, percent: 4}
  freezes: [{name: f, start: 2036-12-20 00:00, stop: 2037-01-07T00:00:00Z, objects: ['a', 'b']}]
  four_eyes: {reviewers: 2, allow_direct_push: true}
  failure_budget: 5
windows:
  once: {start: 2036-11-29 22:00, stop: 2036-11-30 02:00, timezone: America/New_York}
  again: {rule: FREQ=DAILY, start: '22:00', duration: 90m}
stop_file: STOP
"""


def test_every_key_has_its_place_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/joe")
    Path("conf").mkdir()
    Path("conf/reconciler.yaml").write_text(EVERYTHING)
    assert load_settings("conf/reconciler.yaml", None, {}) == Settings(
        server="https://tpp.example.com",
        tickets=("conf/tickets", "conf/more/tickets"),
        ledger="ledger",
        auth=Auth(
            AuthMethod.JWT,
            "me",
            "certificate:approve,manage;configuration",
            "https://tpp.example.com/vedauth",
            "/home/joe/token",
            "tpp",
            "joe",
            None,
            ("vault", "read", "jwt"),
        ),
        tls=Tls("conf/ca.pem", "conf/cert.pem", "conf/key.pem"),
        requests=Requests(1, 2, 3.0, 4.5, 0.0, 600.0, 60.0, 7.0, 3600.0),
        policy=Policy(
            frozenset({"change"}),
            "^CHG",
            ("**",),
            Limits(1, 2, 3, 4),
            (Freeze("f", at("2036-12-19T23:00:00Z"), at("2037-01-07T00:00:00Z"), ("a", "b")),),
            four_eyes=FourEyes(2, True),
            failure_budget=5,
            timezone="Europe/Berlin",
        ),
        windows={
            "once": SingleWindow(at("2036-11-30T03:00:00Z"), at("2036-11-30T07:00:00Z")),
            "again": RecurringWindow("FREQ=DAILY", "Europe/Berlin", at("2024-01-01T22:00Z").replace(tzinfo=None), 5400),
        },
        path="conf/reconciler.yaml",
        plan_ttl=93784,
        stop_file="conf/STOP",
        timezone="Europe/Berlin",
    )


def test_no_file_means_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, None, {}) == Settings()


def test_the_file_of_the_working_directory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    settings = load_settings(None, "staging", {})
    assert (settings.path, settings.environment, settings.server) == (
        "reconciler.yaml",
        "staging",
        "https://tpp.staging.example.com",
    )


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no such file"):
        load_settings(tmp_path / "reconciler.yaml", None, {})


def test_an_environment_replaces_key_by_key_but_lists_and_windows_whole() -> None:
    base, staging = load_settings(OVERRIDING, None, {}), load_settings(OVERRIDING, "staging", {})
    assert staging == replace(
        base,
        server="http://[::1]:8080",
        requests=Requests(reads=8, writes=2, settle=0.5),
        policy=Policy(owns=("**",), limits=Limits(changes=50, rejections=1)),
        windows={"w": RecurringWindow("FREQ=DAILY", "UTC", at("2024-01-01T22:00Z").replace(tzinfo=None), 5400)},
        environment="staging",
    )


RENAMED = """\
version: 1
server: https://tpp.example.com
former_servers: [tpp-old.example.com/vedsdk/]
environments:
  blue: {tickets: [blue]}
  test: {server: https://test.example.com, former_servers: [https://t.example.com]}
  other: {server: https://other.example.com}
"""


def test_earlier_urls_belong_to_the_server_that_names_them(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(RENAMED)
    (tmp_path / ".git").mkdir()
    base = ("https://tpp.example.com", "https://tpp-old.example.com")
    assert load_settings(path, None, {}).targets == base
    assert load_settings(path, "blue", {}).targets == base
    assert load_settings(path, "test", {}).targets == ("https://test.example.com", "https://t.example.com")
    assert load_settings(path, "other", {}).targets == ("https://other.example.com",)
    assert load_settings(path, None, {"TPP_URL": "https://tpp.example.com/"}).targets == base
    assert load_settings(path, None, {"TPP_URL": "https://test.example.com"}).targets == ("https://test.example.com",)


def test_the_environment_names_the_branch_of_the_ledger_over_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    named = {"RECONCILER_LEDGER_BRANCH": "other"}
    for stated, expected in (
        ("ledger: ledger", LedgerBranch("other")),
        ("ledger: {lock: git}", LedgerBranch("other")),
        ("ledger: {branch: mine, remote: backup}", LedgerBranch("other", "backup")),
        ("ledger: {branch: mine, lock: file}", LedgerBranch("other", lock=False)),
    ):
        path.write_text(f"version: 1\n{stated}\n")
        assert load_settings(path, None, named).ledger_branch == expected


def test_the_server_of_another_environment_is_nobodys_former_one(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(RENAMED.replace("t.example.com]", "tpp.example.com/vedsdk]").replace("tpp-old", "other"))
    (tmp_path / ".git").mkdir()
    places = [
        (str(problem.source).removeprefix(str(tmp_path)), problem.message)
        for problem in check_settings(path, None, {})[1]
    ]
    assert places == [
        ("/reconciler.yaml:3:18", "this is the server of environment `other`, whose decisions would count here"),
        ("/reconciler.yaml:6:61", "this is the server of the base configuration, whose decisions would count here"),
    ]


def test_an_environment_that_is_not_defined() -> None:
    (problem,) = check_settings(OVERRIDING, "stagign", {})[1]
    assert (problem.code, problem.message, problem.hint) == (
        "config/environment",
        "environment `stagign` is not defined",
        "did you mean `staging`?",
    )


def test_variables_override_the_file_and_secrets_never_get_in() -> None:
    environ = {
        "TPP_URL": "tpp.other.example/vedsdk/",
        "TPP_CA_BUNDLE": "other.pem",
        "TPP_CLIENT_ID": "other",
        "TPP_USERNAME": "jane",
        "TPP_TOKEN_FILE": "other-token",
        "TPP_TOKEN": "s3cr3t-1",
        "TPP_REFRESH_TOKEN": "s3cr3t-2",
        "TPP_PASSWORD": "s3cr3t-3",
    }
    settings = load_settings(EXAMPLES / "reconciler.yaml", None, environ)
    assert settings.server == "https://tpp.other.example"
    assert settings.tls == Tls("other.pem")
    assert settings.auth == Auth(client_id="other", username="jane", token_file="other-token")
    assert "s3cr3t" not in repr(settings)


def test_a_variable_can_be_wrong_too() -> None:
    (problem,) = check_settings(None, None, {"TPP_URL": "http://tpp.example.com"})[1]
    assert (str(problem.source), problem.code) == ("$TPP_URL", "config/server")


def test_all_faults_of_all_environments_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "reconciler.yaml"
    path.write_text(
        "version: 1\nserver: http://a.example\npolicy: {change_pattern: '('}\nrequests: {reads: none}\n"
        "environments:\n  one: {server: ftp://b.example}\n  two: {timezone: Mars, plan: {expires: soon}}\n"
    )
    _, problems = check_settings(path, "one", {})
    assert [(problem.source.line, problem.code) for problem in problems] == [
        (2, "config/server"),
        (3, "config/pattern"),
        (4, "schema/type"),
        (6, "config/server"),
        (7, "time/unknown-zone"),
        (7, "schema/value"),
    ]
