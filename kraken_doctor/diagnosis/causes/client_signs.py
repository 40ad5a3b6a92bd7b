"""What Python, krakenex and other clients say where the exchange itself said nothing."""

from __future__ import annotations

from kraken_doctor.model.cause import Sign

_KRAKENEX = "https://github.com/veox/python3-krakenex/blob/v2.2.2/krakenex/api.py"
_REQUESTS = "https://docs.python-requests.org/en/latest/user/quickstart/#errors-and-exceptions"
_TLS = "https://docs.python-requests.org/en/latest/user/advanced/#ssl-cert-verification"
_ORDER = "The request may have been executed: look at OpenOrders before sending an order again."

# The first that is found counts: requests puts one exception into another, and the innermost names the step.
CLIENT_SIGNS = (
    Sign(
        title="Failed to override nonce generator",
        kind="host",
        meaning="The custom nonce generator was not installed; the client goes on with its own.",
        causes={"krakenex-incompatible": ""},
        command="kraken-doctor version",
        pattern=r"Failed to override nonce generator|has no attribute '_nonce'|NonceHookError",
        links=(_KRAKENEX,),
    ),
    Sign(
        title="No module named 'krakenex'",
        kind="host",
        meaning="This Python has no krakenex.",
        causes={"krakenex-missing": ""},
        command="kraken-doctor version",
        pattern=r"No module named '?krakenex|cannot import name '?\w+'? from '?krakenex",
        links=("https://pypi.org/project/krakenex/",),
    ),
    Sign(
        title="Either key or secret is not set!",
        kind="key",
        meaning="krakenex was given an empty key or secret, and sent nothing.",
        causes={"credentials-missing": ""},
        command="kraken-doctor accounts",
        pattern=r"Either key or secret is not set|requires \"(?:apiKey|secret)\" credential",
        links=(_KRAKENEX,),
    ),
    Sign(
        title="Incorrect padding",
        kind="key",
        meaning="The secret is not base64: nothing was sent.",
        causes={
            "secret-malformed": "its end is missing: it has fewer than 88 characters, or does not end in ==",
            "credentials-damaged": "kraken-doctor accounts names a character that does not belong there",
            "credentials-placeholder": "an example stands where the secret belongs",
        },
        command="kraken-doctor accounts",
        pattern=r"Incorrect padding|Invalid base64-encoded string|binascii\.Error",
        links=(_KRAKENEX,),
    ),
    Sign(
        title="Invalid header value",
        kind="key",
        meaning="The key can't travel as a header: a line break or a blank in front came along when it was pasted.",
        causes={"credentials-damaged": ""},
        command="kraken-doctor accounts",
        pattern=r"InvalidHeader|Invalid header value|Invalid leading whitespace|should contain only ASCII characters",
        links=(_REQUESTS,),
    ),
    Sign(
        title="NonceStoreError",
        kind="host",
        meaning="The nonce store could not be written, so no nonce was issued and nothing was sent.",
        causes={"state-unwritable": ""},
        command="kraken-doctor nonce",
        pattern=r"NonceStoreError",
    ),
    Sign(
        title="Name or service not known",
        kind="way",
        meaning="The host's name did not resolve; nothing was sent.",
        causes={"dns-failed": ""},
        pattern=(
            r"NameResolutionError|Temporary failure in name resolution|Name or service not known|getaddrinfo failed"
            r"|nodename nor servname|No address associated with hostname|ENOTFOUND|EAI_AGAIN"
        ),
        links=(_REQUESTS,),
    ),
    Sign(
        title="Cannot connect to proxy",
        kind="way",
        meaning="The proxy of the environment does not answer, or refuses.",
        causes={"proxy-failed": ""},
        pattern=r"ProxyError|Cannot connect to proxy|Unable to connect to proxy|Tunnel connection failed|407 Proxy",
        links=("https://docs.python-requests.org/en/latest/user/advanced/#proxies",),
    ),
    Sign(
        title="certificate has expired",
        kind="way",
        meaning="By this host's clock the certificate has expired, or is not yet valid; nothing was sent.",
        causes={
            "clock-ahead": "this host's clock is far ahead, and the certificate is said to have expired",
            "clock-behind": "this host's clock is far behind, and the certificate is said to be not yet valid",
            "tls-expired": "the clock is right",
        },
        pattern=r"certificate has expired|certificate is not yet valid|CERT_HAS_EXPIRED",
        links=(_TLS,),
    ),
    Sign(
        title="Hostname mismatch",
        kind="way",
        meaning="The certificate is another host's; nothing was sent.",
        causes={"tls-hostname": ""},
        pattern=r"Hostname mismatch|doesn't match (?:either )?['\"\w]|certificate is not valid for|ERR_TLS_CERT_ALTNAME",
        links=(_TLS,),
    ),
    Sign(
        title="CERTIFICATE_VERIFY_FAILED",
        kind="way",
        meaning="The certificate's issuer is not one that this Python trusts; nothing was sent.",
        causes={"tls-untrusted": ""},
        pattern=r"CERTIFICATE_VERIFY_FAILED|self[- ]signed certificate|unable to get local issuer|UNABLE_TO_VERIFY_LEAF",
        links=(_TLS,),
    ),
    Sign(
        title="SSLError",
        kind="way",
        meaning="The TLS handshake failed; nothing was sent.",
        causes={"tls-failed": ""},
        pattern=r"SSLError|SSLEOFError|SSL: WRONG_VERSION_NUMBER|handshake failure|UNSUPPORTED_PROTOCOL",
        links=(_TLS,),
    ),
    Sign(
        title="Read timed out",
        kind="way",
        meaning=f"Connected, and no answer came in time. {_ORDER}",
        causes={"read-timeout": ""},
        pattern=r"ReadTimeout|Read timed out|read operation timed out|RequestTimeout|\brequest timed out|ESOCKETTIMEDOUT",
        links=(_REQUESTS,),
    ),
    Sign(
        title="ConnectTimeout",
        kind="way",
        meaning="No connection was made in time; nothing was sent.",
        causes={"connection-timeout": ""},
        pattern=r"ConnectTimeout|\(connect timeout=|Connection timed out|ETIMEDOUT|WinError 10060|Connection to \S+ timed out",
        links=(_REQUESTS,),
    ),
    Sign(
        title="ConnectionRefusedError: Connection refused",
        kind="way",
        meaning="Nothing listens at that address and port, or a firewall says so; nothing was sent.",
        causes={
            "connection-refused": "no proxy is set in the environment",
            "proxy-failed": "HTTPS_PROXY is set, and the address that refused is the proxy's",
        },
        pattern=r"Connection refused|ConnectionRefusedError|ECONNREFUSED|WinError 10061",
        links=(_REQUESTS,),
    ),
    Sign(
        title="Connection reset by peer",
        kind="way",
        meaning=f"The connection was cut before an answer came. {_ORDER}",
        causes={"connection-reset": ""},
        pattern=(
            r"Connection reset by peer|ConnectionResetError|RemoteDisconnected|Connection aborted|ECONNRESET"
            r"|socket hang up|Connection broken|Server disconnected"
        ),
        links=(_REQUESTS,),
    ),
    Sign(
        title="520 Server Error",
        kind="way",
        meaning=f"The edge in front of the exchange had no valid answer from it. {_ORDER}",
        causes={"edge-error": ""},
        pattern=r"\b5\d\d Server Error|\b52\d: |Bad Gateway|Gateway Time-?out|Web server is returning an unknown error|\bkraken 5\d\d ",
        links=("https://github.com/ccxt/ccxt/issues/4295",),
    ),
    Sign(
        title="403 Client Error: Forbidden",
        kind="way",
        meaning="The edge in front of the exchange refused this host's address or its way of asking.",
        causes={"edge-blocked": ""},
        pattern=r"\b(?:403|451) Client Error|\b403 Forbidden|Attention Required! \| Cloudflare|Unavailable For Legal Reasons",
        links=("https://github.com/j4imefoo/nokyc/pull/7",),
    ),
    Sign(
        title="JSONDecodeError: Expecting value",
        kind="way",
        meaning="Something other than JSON came back, most often a page.",
        causes={
            "edge-error": "it passes within minutes; status.kraken.com may tell more",
            "response-invalid": "it stays: a portal, a proxy or another server answers in the exchange's place",
            "edge-blocked": "the page is a challenge or says that access is denied",
        },
        pattern=r"JSONDecodeError|Expecting value: line 1 column 1|Unexpected token '?<",
        links=("https://docs.kraken.com/exchange/guides/rest/introduction",),
    ),
    Sign(
        title="NetworkError, Max retries exceeded",
        kind="way",
        meaning="A step of the way failed; these words alone don't say which.",
        causes={
            "dns-failed": "the name does not resolve",
            "connection-timeout": "it takes as long as the time limit",
            "connection-refused": "it fails at once",
            "tls-failed": "TCP connects, TLS does not",
        },
        command="kraken-doctor check --only path",
        pattern=r"\bNetworkError\b|Max retries exceeded|\bConnectionError\b|\bfetch failed\b",
        links=(_REQUESTS,),
    ),
    Sign(
        title="ExchangeNotAvailable",
        kind="exchange",
        meaning="ccxt's name for several things: the exchange is offline or busy, or the edge in front of it fails.",
        causes={
            "exchange-unavailable": "the text behind it quotes EService:Unavailable, or SystemStatus is not online",
            "exchange-busy": "the text behind it quotes EService:Busy",
            "edge-error": "the text behind it has a number from 500 to 530",
        },
        pattern=r"\bExchangeNotAvailable\b",
        links=("https://docs.ccxt.com/",),
    ),
    Sign(
        title="DDoSProtection, RateLimitExceeded",
        kind="limit",
        meaning="ccxt's and others' name for several things: calls come too fast, or failed too often.",
        causes={
            "rate-limited": "the text behind it quotes EAPI:Rate limit exceeded",
            "exchange-throttled": "the text behind it quotes EGeneral:Too many requests or EService:Throttled",
            "temporary-lockout": "the text behind it quotes EGeneral:Temporary lockout",
        },
        pattern=r"\bDDoSProtection\b|\bRateLimitExceeded\b|call rate limiter exceeded|KrakenRateLimitExceeded",
        links=("https://docs.ccxt.com/",),
    ),
    Sign(
        title="AuthenticationError",
        kind="key",
        meaning="ccxt's and python-kraken-sdk's name for several refusals of key or signature.",
        causes={
            "key-invalid": "the text behind it quotes EAPI:Invalid key",
            "signature-invalid": "the text behind it quotes EAPI:Invalid signature",
        },
        pattern=r"\bAuthenticationError\b|KrakenAuthentication\w{0,40}Error",
        links=("https://docs.ccxt.com/",),
    ),
)
