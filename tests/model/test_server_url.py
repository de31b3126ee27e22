"""One parser of the server's URL: what the configuration accepts, the client accepts, in the same spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ServerFailure
from reconciler.manifests.config import check_settings
from reconciler.model.server_url import InvalidServerUrl, parse_server_url
from reconciler.tpp.transport import parse_address

GOOD = {
    "https://tpp.example.com": "https://tpp.example.com",
    "https://tpp.example.com/": "https://tpp.example.com",
    "https://tpp.example.com./": "https://tpp.example.com",
    "https://tpp.example.com:/": "https://tpp.example.com",
    "https://tpp.example.com/vedsdk": "https://tpp.example.com",
    "https://tpp.example.com/VedSDK/": "https://tpp.example.com",
    "https://tpp.example.com/vedsdk/Workflow": "https://tpp.example.com",
    "https://tpp.example.com/vedauth/": "https://tpp.example.com",
    "https://tpp.example.com/vedauth/vedsdk": "https://tpp.example.com",
    "https://tpp.example.com/aperture": "https://tpp.example.com",
    "https://tpp.example.com/vedadmin/": "https://tpp.example.com",
    "HTTPS://TPP.Example.COM:443/vedsdk//": "https://tpp.example.com",
    "tpp.example.com": "https://tpp.example.com",
    "tpp.example.com:8443/vedsdk": "https://tpp.example.com:8443",
    " https://tpp.example.com\n": "https://tpp.example.com",
    "https://tpp_1.example.com": "https://tpp_1.example.com",
    "https://gate.example.com/tpp/vedsdk": "https://gate.example.com/tpp",
    "https://gate.example.com//tpp//": "https://gate.example.com/tpp",
    "https://gate.example.com/a%20b": "https://gate.example.com/a%20b",
    "http://localhost:8080/": "http://localhost:8080",
    "http://127.0.0.1:80": "http://127.0.0.1",
    "http://[::1]:8080/vedsdk": "http://[::1]:8080",
    "https://[2001:DB8::0:1]/vedsdk": "https://[2001:db8::1]",
    "https://tpp.example.com:65535": "https://tpp.example.com:65535",
}
BAD = [
    "",
    "https://",
    "ftp://tpp.example.com",
    "//tpp.example.com",
    "https:tpp.example.com",
    "https:///vedsdk",
    "https://tpp.example.com:0",
    "https://tpp.example.com:65536",
    "https://tpp.example.com:https",
    "https://tpp.example.com:-1",
    "https://tpp.example.com/a b",
    "https://tpp example.com",
    "https://tpp.example.com/?a=b",
    "https://tpp.example.com?",
    "https://tpp.example.com#x",
    "https://tpp.example.com/../vedsdk",
    "https://tpp..example.com",
    "https://-tpp.example.com",
    "https://tpp.example.com\\vedsdk",
    "https://2001:db8::1",
    "https://[2001:db8::1",
    "https://[fe80::1%25eth0]",
    "https://[tpp]",
    "https://user@tpp.example.com",
    "https://user:s3cr3t@tpp.example.com",
    "https://user:s3/cr3t@tpp.example.com",
    "user:s3cr3t@tpp.example.com",
    "http://10.0.0.1",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://tpp",
]


def by_configuration(text: str) -> str | None:
    """The server as the configuration has it, None when it is refused."""
    settings, problems = check_settings(None, None, {"TPP_URL": text})
    return None if problems else settings.server


def by_client(text: str) -> str | None:
    try:
        return str(parse_address(text))
    except ServerFailure:
        return None


@pytest.mark.parametrize(("text", "url"), list(GOOD.items()))
def test_a_server_has_one_spelling(text: str, url: str) -> None:
    assert (by_configuration(text), by_client(text)) == (url, url)
    assert str(parse_server_url(url)) == url


@pytest.mark.parametrize("text", [text for text in BAD if text])
def test_what_is_no_base_url_is_refused_everywhere(text: str) -> None:
    assert (by_configuration(text), by_client(text)) == (None, None)


@pytest.mark.parametrize("text", [text for text in BAD if "@" in text])
def test_credentials_are_never_quoted(text: str) -> None:
    with pytest.raises(InvalidServerUrl) as refused:
        parse_server_url(text)
    assert refused.value.secret
    assert "s3" not in refused.value.message + refused.value.hint


@given(st.one_of(st.text(), st.from_regex(r"https?://[a-z0-9.:/@?#\\[\\]%_-]{0,30}", fullmatch=True)))
def test_both_sides_agree_about_every_text(text: str) -> None:
    if text:
        assert by_configuration(text) == by_client(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("https://2001:db8::1", "put the IPv6 address into brackets: `[2001:db8::1]`"),
        ("https://tpp.example.com:0", "use 1 to 65535, or leave it out"),
        ("http://tpp.example.com", "write `https://`; http is only for a sandbox on this machine"),
    ],
)
def test_the_remedy_fits(text: str, hint: str) -> None:
    with pytest.raises(InvalidServerUrl) as refused:
        parse_server_url(text)
    assert refused.value.hint == hint
