"""A proxy or authorities that stand in .env alone: a bot that loads the file goes that way, and so does the doctor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from kraken_doctor.sandbox.exchange import Exchange
from kraken_doctor.sandbox.http import SandboxServer
from kraken_doctor.sandbox.keys import Key
from tests.conftest import Run
from tests.network import certificates
from tests.network.proxies import EXCHANGE, Proxy
from tests.network.wild import WildServer

KEY, SECRET = "KRAKEN_MASTER_API_KEY", "KRAKEN_MASTER_API_SECRET"


class Scene(NamedTuple):
    """An exchange behind TLS, at its own name and on loopback, and proxies in front of it."""

    credentials: dict[str, str]
    authorities: str
    loopback: str
    named: str
    proxy: str
    login_proxy: str


@pytest.fixture
def scene(exchange: Exchange, key: Key, tmp_path: Path) -> Iterator[Scene]:
    exchange.keys.pop(key.api_key)
    key.api_key = key.api_key[::-1]  # a demo's key goes to loopback alone
    exchange.keys[key.api_key] = key
    authority = trustme.CA()
    with (
        SandboxServer(exchange, tls=certificates.server_context(authority)) as loopback,
        SandboxServer(exchange, tls=certificates.server_context(authority, EXCHANGE)) as named,
        WildServer(Proxy()) as proxy,
        WildServer(Proxy(login="me:secret word")) as login_proxy,
    ):
        yield Scene(
            {KEY: key.api_key, SECRET: key.secret},
            str(certificates.bundle(tmp_path, authority)),
            loopback.url,
            named.url.replace("127.0.0.1", EXCHANGE),
            f"127.0.0.1:{proxy.port}",
            f"127.0.0.1:{login_proxy.port}",
        )


def run(doctor: Run, url: str, in_file: dict[str, str], *more: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the report of a check with *in_file* as .env, and the evidence of its path."""
    file = Path(".env")
    file.write_text("".join(f"{name}={value}\n" for name, value in in_file.items()), encoding="utf-8")
    file.chmod(0o600)
    ended = doctor("check", "--no-ntp", "--timeout", "2", "--api-url", url, "-o", "json", *more)
    report = json.loads(ended.stdout)
    path = next(check for check in report["checks"] if check["id"] == "path")
    return report, {item["name"]: item["value"] for item in path["evidence"]} | {"summary": path["summary"]}


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_beside_the_key_are_trusted(doctor: Run, scene: Scene, variable: str) -> None:
    """As they are by a bot that loads the file."""
    report, path = run(doctor, scene.loopback, {**scene.credentials, variable: scene.authorities})
    assert (report["outcome"], report["accounts"][0]["connected"]) == ("pass", True)
    assert path["path.environment.files"] == [f"{variable}={scene.authorities} (.env)"]
    assert path["path.environment.unused"] is False


def test_what_stands_apart_from_the_key_is_said_and_not_used(doctor: Run, scene: Scene, monkeypatch: Any) -> None:
    """A file that merely was found does not decide whom a key of the environment trusts."""
    for name, value in scene.credentials.items():
        monkeypatch.setenv(name, value)
    report, path = run(doctor, scene.loopback, {"REQUESTS_CA_BUNDLE": scene.authorities})
    found = report["diagnoses"][0]
    assert (found["cause"], path["path.environment.unused"]) == ("tls-untrusted", True)
    assert any("(.env): not used" in fact for fact in found["because"])


def test_a_proxy_apart_from_the_key_is_said_where_all_is_well(doctor: Run, scene: Scene, monkeypatch: Any) -> None:
    """In the line of the path, without its login."""
    for name, value in {**scene.credentials, "REQUESTS_CA_BUNDLE": scene.authorities}.items():
        monkeypatch.setenv(name, value)
    report, path = run(doctor, scene.loopback, {"HTTPS_PROXY": "http://me:secret@192.0.2.1:1"})
    assert report["outcome"] == "pass"
    assert path["summary"].endswith("not used: HTTPS_PROXY=http://192.0.2.1:1 (.env)")


def test_the_process_s_own_wins(doctor: Run, scene: Scene, monkeypatch: Any) -> None:
    """As with load_dotenv."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", scene.authorities)
    report, path = run(doctor, scene.loopback, {**scene.credentials, "REQUESTS_CA_BUNDLE": "/nowhere.pem"})
    assert report["outcome"] == "pass"
    assert "path.environment.files" not in path


def test_a_plan_without_accounts_goes_the_same_way(doctor: Run, scene: Scene, monkeypatch: Any) -> None:
    """The question is the way of the bots; but not by a file beside a key of the environment."""
    in_file = {"REQUESTS_CA_BUNDLE": scene.authorities, "HTTPS_PROXY": f"http://{scene.proxy}"}
    report, path = run(doctor, scene.named, {**scene.credentials, **in_file}, "--only", "path")
    assert (report["outcome"], path["path.proxy"]) == ("pass", f"http://{scene.proxy}")
    for name, value in scene.credentials.items():
        monkeypatch.setenv(name, value)
    assert run(doctor, scene.named, in_file, "--only", "path")[1]["path.environment.unused"] is True


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_beside_the_key_is_used(doctor: Run, scene: Scene, variable: str) -> None:
    """The exchange's name is known to it alone."""
    in_file = {**scene.credentials, "REQUESTS_CA_BUNDLE": scene.authorities, variable: f"http://{scene.proxy}"}
    report, path = run(doctor, scene.named, in_file)
    assert (report["outcome"], path["path.proxy"]) == ("pass", f"http://{scene.proxy}")


@pytest.mark.parametrize(
    ("login", "says"),
    [
        ("me:wrong@", "Correct the proxy's user and password in HTTPS_PROXY in .env"),
        ("", "Put the proxy's user and password into HTTPS_PROXY in .env"),
    ],
)
def test_a_login_that_the_proxy_refuses(doctor: Run, scene: Scene, login: str, says: str) -> None:
    """Which variable holds it, and in which file; one that is missing is another thing."""
    proxy = f"http://{login}{scene.login_proxy}"
    in_file = {**scene.credentials, "REQUESTS_CA_BUNDLE": scene.authorities, "HTTPS_PROXY": proxy}
    report, _ = run(doctor, scene.named, in_file)
    found = report["diagnoses"][0]
    assert (found["cause"], found["remedy"]["text"].startswith(says)) == ("proxy-failed", True)
    assert f"HTTPS_PROXY=http://{scene.login_proxy} (.env)" in found["because"]
    assert "wrong" not in json.dumps(report)


def test_a_login_with_a_blank_is_unquoted(doctor: Run, scene: Scene) -> None:
    """The remedy says how to write it."""
    proxy = f"http://me:secret%20word@{scene.login_proxy}"
    in_file = {**scene.credentials, "REQUESTS_CA_BUNDLE": scene.authorities, "HTTPS_PROXY": proxy}
    assert run(doctor, scene.named, in_file)[0]["outcome"] == "pass"


def test_hosts_without_a_proxy(doctor: Run, scene: Scene) -> None:
    """NO_PROXY of the same file is heeded: the name is then asked of this host, which does not know it."""
    in_file = {**scene.credentials, "HTTPS_PROXY": f"http://{scene.proxy}", "NO_PROXY": EXCHANGE}
    report, path = run(doctor, scene.named, in_file)
    assert (report["diagnoses"][0]["cause"], path["path.proxy"]) == ("dns-failed", "")
