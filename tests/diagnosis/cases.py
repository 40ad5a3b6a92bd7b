"""Evidence for every branch of every rule: one case a thing that the doctor can say."""

from __future__ import annotations

from kraken_doctor.model.findings import CheckResult, Evidence, Outcome, Value

NS = 1_795_392_000_000_000_000
A, B = "USER:a", "USER:b"
DAY_S = 86_400.0

Facts = dict[str, Value]


def found(
    check: str,
    account: str | None,
    facts: Facts,
    outcome: Outcome = Outcome.WARN,
    sources: dict[str, str] | None = None,
) -> CheckResult:
    """A check's result; *sources* names who said a fact, where a rule repeats it."""
    said_by = sources or {}
    evidence = tuple(Evidence(name, value, source=said_by.get(name, "")) for name, value in facts.items())
    return CheckResult(id=check, account=account, outcome=outcome, summary="", evidence=evidence)


SOUND: Facts = {
    "credentials.key_variable": "KRAKEN_USER_A_API_KEY", "credentials.secret_variable": "KRAKEN_USER_A_API_SECRET",
    "key.characters": 56, "key.placeholder": False, "key.shape": "key", "key.sound_inside": True,
    "secret.characters": 88, "secret.placeholder": False, "secret.shape": "secret", "secret.decoded": 64,
    "secret.sound_inside": True,
}  # fmt: skip


def written(**changes: Value) -> list[CheckResult]:
    """Credentials that are sound but for *changes* (a double underscore is a dot)."""
    return [found("credentials", A, SOUND | {name.replace("__", "."): value for name, value in changes.items()})]


def clock(
    offset_s: float | None, facts: Facts | None = None, outcome: Outcome = Outcome.WARN, source: str = ""
) -> CheckResult:
    """The check of the clock; *offset_s* None where no source answered."""
    measured: Facts = {"clock.offset": offset_s, "clock.bound": 0.008, "clock.limit": 1.0}
    extra: Facts = {f"clock.{name}": value for name, value in (facts or {}).items()}
    sources = {"clock.offset": source, "clock.place": "/proc/1/cgroup"}
    sources |= {name: f"{name.split('.')[2]}.example" for name in extra if name.startswith("clock.sample.")}
    return found("clock", None, extra if offset_s is None else measured | extra, outcome, sources)


RIGHT = clock(0.012, outcome=Outcome.PASS)
UNKNOWN = clock(
    None,
    {"ntp.asked": 4, "ntp.problems": ("one.example: no answer", "two.example: ?")},
    Outcome.INCONCLUSIVE,
)


def call(number: int, unit: str, nonce: int, outcome: str = "ok", endpoint: str = "Balance", **more: Value) -> Facts:
    """The evidence of one private call."""
    facts: Facts = {"endpoint": endpoint, "unit": unit, "nonce": nonce, "outcome": outcome}
    facts |= {name.replace("__", "."): value for name, value in more.items()}
    return {f"call.{number}.{name}": value for name, value in facts.items()}


def called(*made: Facts, **more: Value) -> CheckResult:
    """What an account's private calls came to."""
    facts: Facts = {name.replace("__", "."): value for name, value in more.items()}
    for one in made:
        facts |= one
    return found("authentication", A, facts)


REFUSED, DENIED = "EAPI:Invalid nonce", "EGeneral:Permission denied"
MS, US = NS // 10**6, NS // 10**3


TWICE = call(1, "ms", MS, REFUSED, at=10.0), call(2, "ms", MS + 1_400, REFUSED, at=11.4)


EVERYWHERE = call(1, "ms", MS, DENIED, "GetApiKeyInfo"), call(2, "ms", MS + 1, DENIED)
OWN = found("path", None, {"path.tcp.own_address": "192.168.1.5"})


def withheld(reason: str, **more: Value) -> list[CheckResult]:
    """Nothing was sent, the clock being right."""
    return [RIGHT, called(nonce__unit="ms", nonce__declared=False, nonce__withheld=reason, **more)]


def refused(unit: str, nonce: int) -> list[CheckResult]:
    """Every call refused in a declared unit, the clock being right."""
    return [RIGHT, called(call(1, unit, nonce, REFUSED))]


def path(failure: str, /, **more: Value) -> CheckResult:
    """The way, which failed at a step; *proxy_by* is the variable that names the proxy."""
    variable = str(more.pop("proxy_by", "HTTPS_PROXY"))
    facts: Facts = {"path.proxy": ""}
    facts |= {f"path.{name.replace('__', '.')}": value for name, value in more.items()}
    facts |= {"path.failure": failure, "path.detail": "its own words"}
    return found("path", None, facts, Outcome.FAIL, {"path.proxy": variable} if facts["path.proxy"] else {})


def answered(**more: Value) -> CheckResult:
    """What the exchange said of itself."""
    failed = {"error", "failure"} & set(more) or more.get("status") == "maintenance"
    outcome = Outcome.FAIL if failed else Outcome.WARN
    facts = {f"exchange.{name.replace('__', '.')}": value for name, value in more.items()}
    return found("exchange", None, facts, outcome)


REACHED: Facts = {
    "dns__addresses": ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"), "tcp__seconds": 0.012,
    "tls__version": "TLS 1.3", "tls__issuer": "Example CA",
}  # fmt: skip
CERTIFICATE: Facts = {
    "tls__issuer": "Example CA", "tls__names": ("api.example", "www.example"), "tls__self_signed": False,
    "tls__not_before": "2026-01-01T00:00:00Z", "tls__not_after": "2027-01-01T00:00:00Z",
}  # fmt: skip
EXPIRED: Facts = CERTIFICATE | {"tls__begins_in": -90 * DAY_S, "tls__ends_in": -10 * DAY_S, "tls__dates_alone": True}
FUTURE: Facts = CERTIFICATE | {"tls__begins_in": 10 * DAY_S, "tls__ends_in": 90 * DAY_S, "tls__dates_alone": True}


def concern(facts: Facts, authorities_by: str = "") -> list[CheckResult]:
    """The exchange was reached, at a price."""
    named: Facts = {f"path.{name.replace('__', '.')}": value for name, value in facts.items()}
    return [found("path", None, named, sources={"path.tls.authorities": authorities_by})]


def keeper(place: str, service: str = "", offset_s: float = 30.0, **more: Value) -> list[CheckResult]:
    """A clock that is wrong, and what keeps it."""
    facts: Facts = {f"keeper.{name}": value for name, value in more.items()}
    return [clock(offset_s, facts | {"place": place, "keeper": service})]


CONTRADICTION: Facts = {"ntp.problems": ("p1", "p2", "p3", "p4"), "sample.1.delay": 0.01}
CONTRADICTION |= {f"sample.{n}.offset": 10.0**n for n in range(1, 6)}
DEAD: Facts = {"tcp__dead_seconds": 2.5, "tcp__address": "192.0.2.1", "tcp__seconds": 0.012}

CASES: dict[str, list[CheckResult]] = {
    "nothing is wrong": [RIGHT, *written(), called(call(1, "ms", MS), call(2, "ms", MS + 1))],
    # Credentials
    "the key is not set": written(credentials__missing=("KRAKEN_USER_A_API_KEY",)),
    "neither is set": written(credentials__missing=("KRAKEN_USER_A_API_KEY", "KRAKEN_USER_A_API_SECRET")),
    "two users of one first name": written(credentials__shared_with=("USER:b", "USER:c")),
    "one key in three accounts": written(credentials__same_key_as=("USER:b", "USER:c")),
    "the file is in git": written(credentials__tracked_file="/x/my .env", credentials__readable_file="/x/.env"),
    "the file can be read": written(credentials__readable_file="/x/.env"),
    "swapped": written(key__shape="secret", secret__shape="key", secret__decoded=42),
    "the secret twice": written(key__shape="secret"),
    "placeholders": written(key__placeholder=True, secret__placeholder=True, secret__characters=12),
    "a reference": written(key__placeholder=True, key__reference=True),
    "a demo key": written(key__placeholder=True, credentials__demo_key=True),
    "the whole line was pasted": written(
        key__flaws=("KRAKEN_USER_A_API_KEY= in front of the value",), key__shape="other"
    ),
    "a damaged line": written(credentials__damaged_lines=(".env, line 2: KRAKEN_USER_A_API_KEY has no = after it",)),
    "a damaged line and no key": written(
        credentials__missing=("KRAKEN_USER_A_API_KEY",),
        credentials__damaged_lines=(".env, line 2: KRAKEN_USER_A_API_KEY has an unclosed quote",),
    ),
    "an old key in the environment": [
        *written(
            credentials__source="KRAKEN_USER_A_API_KEY (environment)", credentials__key_tail="…4tZA",
            credentials__elsewhere=("KRAKEN_USER_A_API_KEY in .env",),
        ),
        called(call(1, "ms", MS, "EAPI:Invalid key")),
    ],
    "authorities that are not there": [
        found(
            "path", None,
            {"path.failure": "tls-untrusted", "path.detail": "no such file", "path.variable": "SSL_CERT_FILE"},
        )
    ],
    "a proxy's URL that is none": [
        found("path", None, {"path.failure": "proxy-failed", "path.detail": "no URL", "path.variable": "ALL_PROXY"})
    ],
    "the key is damaged": written(key__flaws=("a quote at the start", "a quote at the end"), secret__decoded=64),
    "the secret is damaged": written(secret__flaws=("a space inside",), secret__decoded=None),
    "the secret is damaged and tolerated": written(secret__flaws=("a line break at the end",)),
    "a flaw around what is no secret": written(
        secret__flaws=("a space inside",), secret__sound_inside=False, secret__decoded=None, secret__shape="other"
    ),
    "another form of key": written(key__shape="other", key__characters=12),
    "no base64": written(secret__decoded=None, secret__shape="other", secret__characters=87),
    "a key of Futures": written(secret__decoded=66, secret__shape="other"),
    "a key for a secret": written(secret__decoded=42, secret__shape="key", secret__characters=56),
    "a short secret": written(secret__decoded=60, secret__shape="other", secret__characters=80),
    # This host
    "no krakenex": [found("krakenex", None, {"krakenex.error": "No module named 'krakenex'"})],
    "a krakenex without hooks": [
        found("krakenex", None, {"krakenex.version": "3.0.0", "krakenex.missing_hooks": ("_nonce", "_sign")})
    ],
    "another krakenex": [found("krakenex", None, {"krakenex.version": "2.2.1", "krakenex.tested": "2.2.2"})],
    "the tested krakenex": [found("krakenex", None, {"krakenex.version": "2.2.2", "krakenex.tested": "2.2.2"})],
    "no store, and Kraken is reached": [
        found("path", None, {}, Outcome.PASS),
        found("store", None, {
            "store.error": "nonce store redis: Error 111 connecting to 127.0.0.1:1. Connection refused.",
            "store.place": "redis://127.0.0.1:1/0 (KRAKEN_NONCE_STORE, .env)",
        }),
    ],
    "another store of a kind unknown": [found("store", None, {"store.error": "something else"})],
    "no store": [found("store", None, {"store.error": "nonce store /x/nonce.db: disk full"})],
    "the clock is behind": [clock(30.0)],
    "the clock is ahead, and was to be judged": [clock(-7_200.0, outcome=Outcome.FAIL)],
    "the clock is behind by the exchange": [clock(30.0, source="exchange, by its Date")],
    "the exchange contradicts": [clock(30.0, {"exchange.contradicts": True})],
    "the clock is within its limit": [clock(1.005), clock(-1.005)],
    "another limit": [clock(3.0, {"limit": 5.0}), called(nonce__lead=61.0)],
    "ahead by less than is known": [clock(-1.005), called(nonce__lead=61.0)],
    "an offset without a bound": [found("clock", None, {"clock.offset": 30.0, "clock.limit": 1.0})],
    "an offset without a limit": [found("clock", None, {"clock.offset": 30.0, "clock.bound": 0.008})],
    "just over the limit": [clock(1.009)],
    "just over the limit, ahead": [clock(-1.009)],
    "no time source": [UNKNOWN],
    "no time source, and many problems": [
        clock(None, {"ntp.asked": 4, "ntp.problems": ("p1", "p2", "p3", "p4")}, Outcome.INCONCLUSIVE)
    ],
    "a time source without a problem": [clock(None, {"ntp.asked": 1}, Outcome.INCONCLUSIVE)],
    "no time source was asked": [clock(None, outcome=Outcome.INCONCLUSIVE)],
    "servers that contradict each other": [clock(None, CONTRADICTION, Outcome.INCONCLUSIVE)],
    "an offset, and no verdict": [clock(0.5, outcome=Outcome.INCONCLUSIVE)],
    # How this host keeps its clock
    "chrony runs": keeper("linux", "chrony", running=True),
    "chrony is stopped": keeper("linux", "chrony", running=False, unit="chronyd"),
    "chrony is stopped, without systemd": keeper("linux", "chrony", running=False),
    "timesyncd runs": keeper("linux", "systemd-timesyncd", running=True, unit="systemd-timesyncd"),
    "timesyncd is off": keeper("linux", "systemd-timesyncd", running=False),
    "ntpd runs": keeper("linux", "ntpd", running=True, unit="ntpsec"),
    "openntpd runs": keeper("linux", "openntpd", running=True),
    "BusyBox runs": keeper("linux", "BusyBox ntpd", running=True),
    "rivals": keeper("linux", "chrony", running=True, rivals=("ntpd", "openntpd")),
    "nothing keeps it, on Debian": keeper("linux", packager="apt-get"),
    "nothing keeps it, on Fedora": keeper("linux", packager="dnf"),
    "nothing keeps it, on SUSE": keeper("linux", packager="zypper"),
    "nothing keeps it, on Arch": keeper("linux", packager="pacman"),
    "nothing keeps it, on Alpine": keeper("linux", packager="apk"),
    "nothing keeps it, anywhere": keeper("linux"),
    "a container": keeper("container"),
    "WSL": keeper("wsl"),
    "macOS": keeper("macos"),
    "Windows": keeper("windows"),
    "another system": keeper("other"),
    "a system without a name": keeper("plan9"),
    "chrony runs, and the clock is ahead": keeper("linux", "chrony", -30.0, running=True),
    "WSL is ahead": keeper("wsl", offset_s=-30.0),
    # The way
    "no name": [path("dns-failed")],
    "no answer behind TLS": [path("read-timeout", **REACHED, samples=3, samples__failed=2)],
    "an unnamed issuer": [path("read-timeout", tls__version="TLS 1.2")],
    "no answer through a proxy": [path("read-timeout", **REACHED, proxy="http://proxy.example:3128")],
    "a page through a proxy": [path("edge-error", proxy="http://proxy.example:3128")],
    "blocked through a proxy": [path("edge-blocked", proxy="http://proxy.example:3128")],
    "no JSON through a proxy": [path("response-invalid", proxy="http://proxy.example:3128")],
    "a page behind TLS through a proxy": [path("edge-error", **REACHED, proxy="http://proxy.example:3128")],
    "reset through a proxy": [path("connection-reset", proxy="http://proxy.example:3128")],
    "the proxy wants a login": [path("proxy-failed", proxy="http://proxy.example:3128", proxy__status=407)],
    "another proxy wants a login": [
        path("proxy-failed", proxy="http://p.example", proxy__status=407, proxy_by="ALL_PROXY")
    ],
    "the system's proxy wants a login": [
        path("proxy-failed", proxy="http://p.example", proxy__status=407, proxy_by="")
    ],
    "the proxy gets no answer": [path("proxy-failed", proxy="http://proxy.example:3128", proxy__status=503)],
    "the proxy does not get there": [path("proxy-failed", proxy="http://proxy.example:3128", proxy__status=502)],
    "the proxy waits in vain": [path("proxy-failed", proxy="http://proxy.example:3128", proxy__status=504)],
    "the proxy refuses": [path("proxy-failed", proxy="http://proxy.example:3128", proxy__status=501)],
    "an issuer that is not trusted": [path("tls-untrusted", **CERTIFICATE)],
    "signed by itself": [path("tls-untrusted", **CERTIFICATE | {"tls__self_signed": True})],
    "signed by nobody, for a subject": [
        path("tls-hostname", **CERTIFICATE | {"tls__issuer": "", "tls__names": (), "tls__subject": "CN=x"})
    ],
    "signed for nobody": [path("tls-hostname", **CERTIFICATE | {"tls__names": ()})],
    "a certificate that can't be read": [path("tls-untrusted", tls__problem="no bytes")],
    "a certificate that nobody looked at": [path("tls-untrusted")],
    "an expired certificate": [path("tls-expired", **EXPIRED), RIGHT],
    "an expired certificate, and an unknown clock": [path("tls-expired", **EXPIRED), UNKNOWN],
    "an expired certificate, and a clock ahead": [path("tls-expired", **EXPIRED), clock(-30 * DAY_S)],
    "dates at their edges": [
        path("tls-expired", tls__begins_in=30 * DAY_S, tls__ends_in=30 * DAY_S), clock(30 * DAY_S),
    ],
    "a certificate without dates, and a wrong clock": [path("tls-expired"), clock(30 * DAY_S)],
    "a certificate that is too new for the clock": [path("tls-expired", **FUTURE), clock(30 * DAY_S)],
    "a certificate of the future": [path("tls-expired", **FUTURE), UNKNOWN],
    "a certificate of the future, and chrony keeps the clock": [
        path("tls-expired", **FUTURE),
        clock(None, {"place": "linux", "keeper": "chrony", "keeper.running": True}, Outcome.INCONCLUSIVE),
    ],
    "a certificate that begins now": [path("tls-expired", **FUTURE | {"tls__begins_in": 0.0}), UNKNOWN],
    "a certificate that begins in an instant": [path("tls-expired", **FUTURE | {"tls__begins_in": 0.5}), UNKNOWN],
    "a certificate that ends only": [path("tls-expired", tls__ends_in=30 * DAY_S), clock(-30 * DAY_S)],
    "a certificate of the future by nobody": [path("tls-expired", **FUTURE | {"tls__issuer": ""}), UNKNOWN],
    "a certificate of the future that is bad": [path("tls-expired", **FUTURE | {"tls__dates_alone": False}), UNKNOWN],
    "throttled": [path("exchange-throttled", http__retry_after=30)],
    "throttled, of the status": [answered(failure="exchange-throttled", detail="HTTP 429", http__retry_after=5)],
    "throttled for a time unknown": [path("exchange-throttled")],
    "an error of the exchange": [found("path", None, {"path.error": "EService:Unavailable"}, Outcome.PASS)],
    "an error of the exchange, and private calls work": [found("path", None, {"path.error": "EService:Unavailable"})],
    "no status, and private calls work": [found("exchange", None, {"exchange.failure": "response-invalid"})],
    "the call is rejected": [called(call(1, "us", US, "EAccount:Invalid permissions"))],
    "an account without a result": [called(balances__empty=True, balances__no_result=True)],
    "an error of the status": [answered(error="EGeneral:Internal error")],
    "maintenance": [answered(status="maintenance")],
    "maintenance, and private calls work": [found("exchange", None, {"exchange.status": "maintenance"})],
    "maintenance, and what it hides": [
        answered(status="maintenance"),
        *written(key__placeholder=True),
        *(
            found("authentication", f"USER:{n}", call(1, "ms", MS, error))
            for n, error in enumerate(
                ("EAPI:Invalid key", "EAPI:Invalid signature", REFUSED, "EGeneral:Temporary lockout", "EX:x", "EX:y")
            )
        ),
    ],
    "cancel only": [answered(status="cancel_only")],
    "post only": [answered(status="post_only")],
    "limit only": [answered(status="limit_only")],
    "online": [answered(status="online")],
    "an unknown status": [answered(status="x" * 40)],
    "no status": [answered(status="")],
    "a certificate with a flaw": [
        path("tls-failed", tls__problem="EE certificate key too weak", tls__issuer="Example CA", tls__names=("x",))
    ],
    "a wrong login at the proxy": [
        path("proxy-failed", proxy_by="ALL_PROXY", proxy="http://p:3128", proxy__status=407, proxy__login=True)
    ],
    "a proxy of .env": [path("proxy-failed", proxy="http://p", environment__files=("HTTPS_PROXY=http://p (.env)",))],
    "authorities of .env, not used": [
        path("tls-untrusted", environment__files=("SSL_CERT_FILE=/x (.env)",), environment__unused=True)
    ],
    "IPv6 leads nowhere": concern(DEAD | {"tcp__dead": ("2001:db8::1: no answer", "2001:db8::2: no route")}),
    "an address leads nowhere": concern(DEAD | {"tcp__dead": ("2001:db8::1: no answer", "192.0.2.7: no answer")}),
    "a name leads nowhere": concern(DEAD | {"tcp__dead": ("192.0.2.7: no answer: none",)}),
    "fails intermittently": concern(
        {"chance": "connection-reset", "chance__detail": "reset by peer", "samples": 3, "samples__failed": 1}
    ),
    "the status fails now and then": [
        answered(chance="read-timeout", chance__detail="too slow", samples=5, samples__failed=2)
    ],
    "trusted by one variable": concern(
        {"tls__authorities": "/x", "tls__issuer": "Example CA", "tls__without_variable": "unable to get an issuer"},
        "SSL_CERT_DIR",
    ),
    "trusted by one variable, by nobody": concern(
        {"tls__authorities": "/x.pem", "tls__without_variable": "self-signed"}, "SSL_CERT_FILE"
    ),
    # The key
    "an invalid key": [called(call(1, "ms", MS, "EAPI:Invalid key", "GetApiKeyInfo"))],
    "an invalid key, with an OTP": [called(call(1, "ms", MS, "EAPI:Invalid key"), credentials__otp=True)],
    "an invalid signature": [called(call(1, "ms", MS, "EAPI:Invalid signature"), credentials__otp=False)],
    "an invalid signature, with an OTP": [called(call(1, "ms", MS, "EAPI:Invalid signature"), credentials__otp=True)],
    "permission denied": [called(call(1, "ms", MS), call(2, "ms", MS + 1, "EGeneral:Permission denied"))],
    "permission denied, without permissions told": [called(call(1, "ms", MS, DENIED))],
    "permission denied, though it is granted": [
        called(
            call(1, "ms", MS, endpoint="GetApiKeyInfo"),
            call(2, "ms", MS + 1, DENIED),
            key__permissions=("query-funds",),
        )
    ],
    "permission denied, by unknown words": [
        called(call(1, "ms", MS, endpoint="GetApiKeyInfo"), call(2, "ms", MS + 1, DENIED), key__permissions=("moon",))
    ],
    "permission denied where none is needed": [OWN, called(*EVERYWHERE)],
    "permission denied where none is needed, from a public address": [
        found("path", None, {"path.tcp.own_address": "8.8.4.4"}), called(*EVERYWHERE)
    ],
    "permission denied where none is needed, in a saved report": [
        found("path", None, {"path.tcp.own_address": "<private IPv4 address>"}), called(*EVERYWHERE)
    ],
    "permission denied where none is needed, by a proxy": [
        found("path", None, {"path.proxy": "http://proxy.example:3128"}), called(*EVERYWHERE)
    ],
    "an invalid key, from a known address": [OWN, called(call(1, "ms", MS, "EAPI:Invalid key"))],
    "the key's settings alone are not to be had": [
        called(call(1, "ms", MS, "x", "GetApiKeyInfo", failure="edge-error", detail="HTTP 502"), call(2, "ms", MS + 1))
    ],
    "the key's settings alone are no answer": [
        called(call(1, "ms", MS, "x", "GetApiKeyInfo", failure="response-invalid", detail="?"), call(2, "ms", MS + 1))
    ],
    "the key's settings at the second try": [
        called(
            call(1, "ms", MS, "x", "GetApiKeyInfo", failure="edge-error", detail="HTTP 502"),
            call(2, "ms", MS + 1, endpoint="GetApiKeyInfo"),
        )
    ],
    "throttled for a call": [
        called(call(1, "ms", MS, "x", failure="exchange-throttled", detail="HTTP 429", http__retry_after=301))
    ],
    "throttled for a call, without a time": [
        called(call(1, "ms", MS, "x", failure="exchange-throttled", detail="HTTP 429"))
    ],
    "rate limited, and told for how long": [
        called(call(1, "ms", MS, "EAPI:Rate limit exceeded", http__retry_after=61))
    ],
    "throttled until a moment, in words": [called(call(1, "ms", MS, "EService:Throttled: 1795392060", until=59.2))],
    "throttled until a moment that is over": [called(call(1, "ms", MS, "EService:Throttled: 1795392060", until=-1.0))],
    "throttled until a moment, by a clock that is ahead": [
        clock(-3_600), called(call(1, "ms", MS, "EService:Throttled: 1795392060", until=-3_540.0))
    ],
    "throttled until a moment, by the status": [answered(error="EService:Throttled:1795392060", until=60.0)],
    "locked out": [called(call(1, "ms", MS, "EGeneral:Temporary lockout"))],
    "throttled until a moment": [called(call(1, "ms", MS, "EService:Throttled: 1795392060"))],
    "throttled until a short number": [called(call(1, "ms", MS, "EService:Throttled: 179539206"))],
    "throttled until other digits": [called(call(1, "ms", MS, "EService:Throttled: 179539206\u0664"))],
    "an unknown error": [called(call(1, "ms", MS, "EFoo:Something new"))],
    "the way broke for a call": [called(call(1, "ms", MS, "x", failure="read-timeout", detail="no answer in 10 s"))],
    "balances that can't be read": [called(call(1, "ms", MS), balances__unreadable="ZUSD is no number")],
    "rights are missing": [
        called(permissions__missing=("query-funds", "new-right"), key__permissions=("withdraw-funds", "query-ledger"))
    ],
    "no rights at all": [called(permissions__missing=("query-funds",), key__permissions=())],
    "it expires": [called(key__expires_in=3 * DAY_S, key__valid_until=1_795_651_200)],
    "it expires in an instant": [called(key__expires_in=0.5, key__valid_until=1_795_392_000)],
    "an accepted key that has expired by a wrong clock": [called(key__expires_in=-5.0, key__valid_until=1_795_391_995)],
    "history is limited": [called(key__query_from=1_700_000_000, key__query_to=1_795_392_000)],
    "history is limited on one side": [called(key__query_from=0, key__query_to=1_795_392_000)],
    "history is not limited": [called(key__query_from=0, key__query_to=0)],
    "rights are missing that the bot needs": [
        called(permissions__missing=("modify-trades",), key__permissions=("query-funds",))
    ],
    "it may withdraw": [
        called(permissions__excess=("withdraw-funds", "add-withdraw-address", "update-withdraw-address", "new-right"))
    ],
    "no allow-list": [called(key__ip_allowlist=0)],
    "an allow-list": [called(key__ip_allowlist=1)],
    "nothing in the account": [called(balances__empty=True, balances__no_result=False)],
    "something in the account": [called(balances__empty=False)],
    # The nonce
    "refused twice": [RIGHT, called(*TWICE)],
    "refused twice, by an unknown clock": [UNKNOWN, called(*TWICE)],
    "refused twice, by a clock known to a second": [
        found("clock", None, {"clock.offset": 0.2, "clock.bound": 0.5, "clock.limit": 1.0}), called(*TWICE)
    ],
    "refused twice, by a clock that is contradicted": [
        clock(0.01, {"exchange.contradicts": True, "exchange.offset": 3_600.0}), called(*TWICE)
    ],
    "refused in seconds": refused("s", NS // 10**9),
    "refused in milliseconds": refused("ms", MS),
    "refused in microseconds": refused("us", US),
    "refused in ten nanoseconds": refused("10ns", NS // 10),
    "refused in nanoseconds": refused("ns", NS),
    "refused with the corrected time": [
        clock(-3_600.0), called(*TWICE, nonce__correction=-3_600.0),
    ],
    "refused with the corrected time, by servers that the exchange contradicts": [
        clock(-3_600.0, {"exchange.contradicts": True, "exchange.offset": 0.1}, Outcome.INCONCLUSIVE),
        called(*TWICE, nonce__correction=-3_600.0),
    ],
    "refused with the corrected time, by the exchange's answers alone": [
        called(*TWICE, nonce__correction=-3_600.0),
    ],
    "accepted at the second try": [RIGHT, called(TWICE[0], call(2, "ms", MS + 1_400, at=11.4))],
    "withheld, for a mark in microseconds": withheld("finer", nonce__mark=US, nonce__mark__unit="us"),
    "withheld, for a mark in no unit": withheld("finer", nonce__mark=2**63, nonce__mark__unit=None),
    "withheld, for a mark ahead": withheld(
        "ahead", nonce__mark=MS + 86_400_000, nonce__mark__unit="ms", nonce__mark__lead=86_400.0, nonce__lead=86_400.0
    ),
    "withheld, for a note of version 0.1": withheld("note", nonce__mark=None, nonce__mark__unit="us"),
    "a bot in another unit than declared": [
        RIGHT, called(call(1, "us", US), nonce__unit="us", nonce__declared=True, nonce__unit__bot="ms"),
    ],
    "a bot in a coarser unit than declared, and nothing accepted yet": [
        RIGHT, called(nonce__unit="us", nonce__declared=True, nonce__unit__bot="ms"),
    ],
    "a bot in a finer unit than declared": [
        RIGHT, called(nonce__unit="ms", nonce__declared=True, nonce__unit__bot="us"),
    ],
    "a clock that is ahead by the exchange's answers alone": [
        called(call(1, "ms", MS), nonce__unit="ms", nonce__correction=-DAY_S),
    ],
    "a bot in the unit that is used": [RIGHT, called(nonce__unit="ms", nonce__declared=True, nonce__unit__bot="ms")],
    "a bot in another unit, and none declared": [
        RIGHT, called(nonce__unit="ms", nonce__declared=False, nonce__unit__bot="us"),
    ],
    "a shared key": [
        RIGHT,
        called(
            call(1, "ms", MS, endpoint="GetApiKeyInfo"),
            call(2, "ms", MS + 5, endpoint="TradeBalance"),
            call(3, "ms", MS + 9, REFUSED),
            call(4, "ms", MS + 11),
        ),
    ],
    "the clock explains it": [clock(3_600.0), called(call(1, "ms", MS, REFUSED))],
    "the clock explains it, and chrony keeps it": [
        *keeper("linux", "chrony", 3_600.0, running=True), called(call(1, "ms", MS, REFUSED)),
    ],
    "a clock ahead explains nothing": [clock(-3_600.0), called(call(1, "ms", MS, REFUSED))],
    "nonces that repeat": [RIGHT, called(call(1, "ms", MS, endpoint="GetApiKeyInfo"), call(2, "ms", MS, REFUSED))],
    "nonces that fall": [RIGHT, called(call(1, "ms", MS), call(2, "ms", MS - 1))],
    "another nonce on the wire": [RIGHT, called(call(1, "ms", MS), nonce__on_wire=False)],
    "no store for a nonce": [called(nonce__error_type="NonceStoreError", nonce__error="disk full")],
    "no nonces left": [called(nonce__error_type="NonceExhaustedError", nonce__error="the mark is at 2**64 - 1")],
    "no turn": [called(nonce__error_type="TurnTimeoutError", nonce__error="busy")],
    "a small window": [RIGHT, called(call(1, "ms", MS), key__nonce_window=99)],
    "a window that will do": [RIGHT, called(call(1, "ms", MS), key__nonce_window=100)],
    "a window at its widest": [RIGHT, called(call(1, "ms", MS), key__nonce_window=60_000)],
    "a wide window": [RIGHT, called(call(1, "s", MS), call(2, "ms", MS + 1), key__nonce_window=60_001)],
    "a window that was not tried": [RIGHT, called(call(1, "ms", MS, REFUSED), key__nonce_window=15)],
    "the mark is ahead": [RIGHT, called(nonce__lead=61.0)],
    "the mark is a little ahead": [RIGHT, called(nonce__lead=60.0)],
    "the mark is ahead of a wrong clock": [clock(30.0), called(nonce__lead=3_600.0)],
    # Together
    "two accounts of one cause": [
        *written(credentials__missing=("KRAKEN_USER_A_API_KEY",)),
        found("credentials", B, {"credentials.missing": ("K",)}),
    ],
    "two accounts with an empty allow-list": [
        found("keyinfo", label, {"key.ip_allowlist": 0, "key.nonce_window": 0}) for label in (A, B)
    ],
    "two accounts, refused by two calls": [
        found("authentication", label, call(1, "ms", MS, "EAPI:Invalid key", endpoint))
        for label, endpoint in ((A, "Balance"), (B, "GetApiKeyInfo"))
    ],
    "two accounts of one cause and one reason": [
        found("authentication", label, call(1, "ms", MS, "EAPI:Invalid key")) for label in (A, B)
    ],
    "two accounts with bad signatures": [
        found("authentication", label, call(1, "ms", MS, "EAPI:Invalid signature")) for label in (A, B)
    ],
    "two accounts, one of them ill": [
        called(call(1, "ms", MS, "EAPI:Invalid key")), found("authentication", B, call(1, "ms", MS)),
    ],
    "two accounts with one warning": [
        found("permissions", label, {"permissions.excess": ("withdraw-funds",)}) for label in (A, B)
    ],
    "two accounts, withheld": [
        RIGHT,
        *(
            found(
                "authentication", label,
                {
                    "nonce.unit": "ms", "nonce.declared": False, "nonce.withheld": "finer", "nonce.mark": US,
                    "nonce.mark.unit": "us",
                },
            )
            for label in (A, B)
        ),
    ],
    "one cause in two severities": [
        RIGHT,
        found("authentication", A, call(1, "ms", MS, REFUSED) | call(2, "us", US)),
        found("authentication", B, call(1, "ms", MS, REFUSED)),
    ],
    "maintenance, and what it brings about": [
        answered(status="maintenance"),
        called(call(1, "ms", MS, "EService:Unavailable")),
        found("authentication", B, call(1, "ms", MS, "EService:Busy")),
        found("authentication", "USER:c", call(1, "ms", MS, "EGeneral:Internal error")),
        found("authentication", "USER:d", call(1, "ms", MS, "x", failure="edge-error", detail="HTTP 520")),
        found("authentication", "USER:e", call(1, "ms", MS, "x", failure="read-timeout", detail="no answer")),
        found("authentication", "USER:f", call(1, "ms", MS, "x", failure="connection-reset", detail="cut")),
    ],
    "a cause of the run and of an account": [
        clock(3_600.0), called(call(1, "ms", MS, REFUSED)), found("authentication", B, call(1, "us", US)),
    ],
}  # fmt: skip
