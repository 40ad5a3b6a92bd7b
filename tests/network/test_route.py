"""What requests will do on the way: proxy and authorities, as the environment has them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from kraken_doctor.errors import TransportError
from kraken_doctor.network.answer import as_transport_error
from kraken_doctor.network.route import apply_ca_env, pin_proxy_settings, route, settings_for
from kraken_doctor.network.transport import BoundedAdapter
from tests.network import certificates

URL = "https://api.kraken.com"


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


@pytest.mark.parametrize(
    ("variable", "value", "shown", "login"),
    [
        ("HTTPS_PROXY", "http://proxy.example:3128", "http://proxy.example:3128", None),
        ("https_proxy", "proxy.example:3128", "http://proxy.example:3128", None),
        ("ALL_PROXY", "https://proxy.example", "https://proxy.example:443", None),
        ("HTTPS_PROXY", "http://user:p%40ss@proxy.example", "http://proxy.example:80", "user:p@ss"),
        ("HTTPS_PROXY", "http://[::1]:3128", "http://[::1]:3128", None),
        ("HTTPS_PROXY", "socks5://proxy.example", "socks5://proxy.example:1080", None),
    ],
)
def test_the_proxy_of_the_environment(
    session: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    shown: str,
    login: str | None,
) -> None:
    """Named with its variable, and without its login."""
    monkeypatch.setenv(variable, value)
    proxy = route(session, URL, {variable: value}).proxy
    assert proxy is not None
    assert (proxy.shown, proxy.variable) == (shown, variable)
    assert (proxy.login.reveal() if proxy.login else None) == login
    assert "p@ss" not in repr(proxy)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"])
def test_settings_follow_the_environment(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """What was found for the call before is of no use once a variable has changed, nor when it has gone."""
    monkeypatch.setenv("https_proxy" if variable == "NO_PROXY" else "CURL_CA_BUNDLE", "http://before.example")

    def both() -> tuple[dict[str, Any], dict[str, Any]]:
        return settings_for(session, URL), dict(session.merge_environment_settings(URL, {}, None, None, None))

    seen = [both()]
    monkeypatch.setenv(variable, "api.kraken.com")
    seen += [both(), both()]
    monkeypatch.delenv(variable)
    seen.append(both())
    assert all(ours == of_requests for ours, of_requests in seen)
    assert seen[0] != seen[1] == seen[2] != seen[3]


def test_settings_follow_the_session(session: requests.Session) -> None:
    """What the bot sets on it, whenever it does; and what is done with one call's settings is not the next one's."""
    settings_for(session, URL)["verify"] = "of this call"
    assert settings_for(session, URL)["verify"] is True
    session.verify, session.cert = "authorities.pem", ("certificate", "key")
    session.proxies["https"] = "http://proxy.example"
    found = settings_for(session, URL)
    assert (found["verify"], found["cert"], found["proxies"]) == (session.verify, session.cert, session.proxies)
    session.trust_env = False
    assert settings_for(session, "http://127.0.0.1:1/")["proxies"]["http"] == ""
    assert settings_for(session, URL)["proxies"] == session.proxies


def test_a_session_with_rules_of_its_own_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is the system, where it has settings beside the variables."""

    class Own(requests.Session):
        asked = 0

        def merge_environment_settings(self, *given: Any) -> Any:
            Own.asked += 1
            return super().merge_environment_settings(*given)

    with Own() as session:
        for _ in range(3):
            settings_for(session, URL)
    assert Own.asked == 3
    for system, looked_up in (("linux", 1), ("darwin", 3), ("win32", 3)):
        monkeypatch.setattr("kraken_doctor.network.route.sys.platform", system)
        with requests.Session() as plain:
            found = [settings_for(plain, URL)["proxies"] for _ in range(3)]
        assert len({id(proxies) for proxies in found}) == looked_up


def test_no_proxy_is_heeded(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """As requests heeds it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "kraken.com")
    assert route(session, URL, {}).proxy is None
    monkeypatch.setenv("NO_PROXY", "elsewhere.example")
    assert route(session, URL, {}).proxy is not None


@pytest.mark.parametrize(
    "value",
    ["http://:3128", "http://proxy.example:port", "http://user:hunter2@:x", "ftp://user:hunter2@proxy.example:21"],
)
def test_a_proxy_that_can_not_be_one(session: requests.Session, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """In one line that names the variable, without the login."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(TransportError, match="HTTPS_PROXY is not a proxy URL") as caught:
        route(session, URL, {"HTTPS_PROXY": value})
    assert caught.value.kind == "proxy-failed"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ""),
        ({"SSL_CERT_FILE": "openssl.pem"}, "SSL_CERT_FILE"),
        ({"REQUESTS_CA_BUNDLE": "requests.pem"}, "REQUESTS_CA_BUNDLE"),
        ({"CURL_CA_BUNDLE": "curl.pem", "SSL_CERT_FILE": "openssl.pem"}, "CURL_CA_BUNDLE"),
        ({"REQUESTS_CA_BUNDLE": "requests.pem", "SSL_CERT_FILE": "openssl.pem"}, "REQUESTS_CA_BUNDLE"),
        ({"SSL_CERT_DIR": "folder"}, "SSL_CERT_DIR"),
    ],
)
def test_whose_authorities_are_trusted(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str
) -> None:
    """requests' own variables first, OpenSSL's where those name nothing, else what comes with requests."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    apply_ca_env(session, environ)
    found = route(session, URL, environ)
    assert found.authorities_variable == expected
    assert found.authorities == environ.get(expected, requests.utils.DEFAULT_CA_BUNDLE_PATH)
    assert found.read_by_requests is not expected.startswith("SSL_")


def test_a_context_trusts_file_and_folder(session: requests.Session, tmp_path: Path) -> None:
    """And nothing else; a place without certificates is named with its variable."""
    authority = trustme.CA()
    bundle = certificates.bundle(tmp_path, authority)
    for place in (bundle, tmp_path):
        context = route(session, URL, {})._replace(authorities=str(place)).tls_context()
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(route(session, URL, {})._replace(authorities=str(bundle)).tls_context().get_ca_certs()) == 1
    (tmp_path / "empty.pem").write_text("nothing")
    for place in (tmp_path / "nowhere.pem", tmp_path / "empty.pem"):
        found = route(session, URL, {})._replace(authorities=str(place), authorities_variable="SSL_CERT_FILE")
        with pytest.raises(TransportError, match=f"SSL_CERT_FILE={re.escape(str(place))}") as caught:
            found.tls_context()
        assert caught.value.kind == "tls-untrusted"
        assert found.tls_context(of_requests=True).get_ca_certs(), "what comes with requests is there all the same"


def test_a_proxy_that_no_variable_names(session: requests.Session) -> None:
    """The system's own setting, or the session's: it has no variable, whatever else is in the environment."""
    session.proxies = {"https": "http://proxy.example:3128"}
    proxy = route(session, URL, {"HTTPS_PROXY": "http://other.example", "NOTES": "http://proxy.example:3128"}).proxy
    assert proxy is not None
    assert (proxy.shown, proxy.variable) == ("http://proxy.example:3128", "")
    session.proxies = {"https": "http://:3128"}
    with pytest.raises(TransportError) as caught:
        route(session, URL, {})
    assert caught.value.detail == "the system's proxy setting is not a proxy URL: 'http://:3128'"


def test_a_place_without_certificates_and_without_a_variable(session: requests.Session, tmp_path: Path) -> None:
    """Named by itself."""
    found = route(session, URL, {})._replace(authorities=f"{tmp_path}/nowhere.pem")
    with pytest.raises(TransportError) as caught:
        found.tls_context()
    assert caught.value.detail == f"no certificates can be read from {tmp_path}/nowhere.pem: there is no such file"


def test_a_way_that_is_settled_stays(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is looked at once: what it says later changes nothing."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "requests.pem")
    pin_proxy_settings(session, URL)
    monkeypatch.setenv("HTTPS_PROXY", "http://other.example")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    found = route(session, URL, {})
    assert found.proxy is not None
    assert (found.proxy.shown, found.authorities) == ("http://proxy.example:3128", "requests.pem")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.pem", "there is no such file"),
        ("empty.pem", "the file is empty"),
        ("no.pem", "it contains no PEM certificate"),
        ("folder", "a folder without certificates"),
    ],
)
def test_what_is_wrong_with_authorities(
    session: requests.Session, tmp_path: Path, variable: str, name: str, said: str
) -> None:
    """With the variable and the path, so that the reader knows what to correct."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.pem").touch()
    (tmp_path / "no.pem").write_text("nothing")
    place = str(tmp_path / name)
    with pytest.raises(TransportError, match=re.escape(f"{variable}={place}: {said}")) as caught:
        route(session, URL, {})._replace(authorities=place, authorities_variable=variable).tls_context()
    assert (caught.value.kind, caught.value.seen.variable) == ("tls-untrusted", variable)


def test_missing_authorities_are_no_plain_error(tmp_path: Path) -> None:
    """requests raises an OSError of its own for them, before it connects."""
    place = str(tmp_path / "nowhere.pem")
    session = requests.Session()
    session.mount("https://", BoundedAdapter(environ={"SSL_CERT_FILE": place}))
    session.verify, session.trust_env = place, False
    with session, pytest.raises(requests.exceptions.SSLError) as caught:
        session.get("https://127.0.0.1:9")
    error = as_transport_error(caught.value)
    assert (error.kind, error.seen.variable) == ("tls-untrusted", "SSL_CERT_FILE")
    assert place in error.detail


@pytest.mark.parametrize("proxy", ["http://demo:hunter2@", "http://demo@", "http://", "http://h:99999", "http://[::1"])
def test_a_proxy_s_url_without_a_host_is_named_with_its_variable(proxy: str) -> None:
    """requests itself ends in a TypeError for a login alone, and connects to a host without a name."""
    session = requests.Session()
    session.mount("https://", BoundedAdapter(environ={"HTTPS_PROXY": proxy}))
    session.proxies, session.trust_env = {"https": proxy}, False
    with session, pytest.raises(requests.RequestException) as caught:
        session.get("https://127.0.0.1:9")
    error = as_transport_error(caught.value)
    assert (error.kind, error.seen.variable) == ("proxy-failed", "HTTPS_PROXY")
    assert "hunter2" not in error.detail


@pytest.mark.parametrize("used", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_of_two_variables_with_one_value_the_used_one_is_named(session: requests.Session, used: str) -> None:
    """HTTP_PROXY has no say over https, whatever it holds."""
    session.proxies = {"https": "http://proxy.example:3128"}
    proxy = route(session, URL, dict.fromkeys(("http_proxy", "HTTP_PROXY", used), "http://proxy.example:3128")).proxy
    assert proxy is not None
    assert proxy.variable == used
