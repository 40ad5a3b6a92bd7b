"""What can be wrong with key and secret before anything is sent."""

from __future__ import annotations

from kraken_doctor.model.cause import Cause
from kraken_doctor.model.diagnosis import Remedy, Severity

_API_KEYS = "https://docs.kraken.com/exchange/guides/rest/api-keys"
_KEY_FORM = "https://docs.kraken.com/api-reference/account-data/get-api-key-info"
_SIGNING = "https://docs.kraken.com/exchange/guides/rest/authentication"
_DOTENV = "https://pypi.org/project/python-dotenv/"

CREDENTIALS = (
    Cause(
        id="credentials-missing",
        severity=Severity.FAIL,
        title="Key or secret is not set",
        meaning="Of the pair of variables for this account at least one is unset or empty.",
        proof="The variables were looked up in the process and in the .env file; the report names each one.",
        remedy=Remedy(
            "Set both variables, in the environment or in .env.",
            ("kraken-doctor accounts",),
            avoid="Don't put a secret on a command line: every user of the host can read it there.",
        ),
        wrong_when="The bot reads its credentials from elsewhere, a file or a vault: then this concerns only the check.",
        links=(_API_KEYS,),
    ),
    Cause(
        id="credentials-placeholder",
        severity=Severity.FAIL,
        title="A placeholder stands where a credential belongs",
        meaning='The value is an example, such as "<your-api-key>" or "changeme", that was never replaced.',
        proof="The value has the words or brackets of an example, and not the form of random base64.",
        remedy=Remedy("Replace it with the key or secret that Kraken showed when the key was made."),
        wrong_when="A real credential is random base64; one that reads like a placeholder has not been seen.",
        links=(_API_KEYS,),
    ),
    Cause(
        id="credentials-damaged",
        severity=Severity.FAIL,
        title="A credential holds characters that don't belong there",
        meaning=(
            "White space, quotes, a line break, a byte order mark or an invisible character came along when it was"
            " copied. In the key that breaks the connection. In the secret Python's base64 skips most of them;"
            " another client may not."
        ),
        proof="Each foreign character is named with its place; the value itself is not shown.",
        remedy=Remedy(
            "Paste the value again, from Kraken's page itself and nothing around it: no quotes, no blanks, no line break.",
            otherwise="In Docker and systemd env files quotes are part of the value: leave them out.",
        ),
        wrong_when="Never for the key. A secret with such characters may still work, and is then only a warning.",
        links=("https://github.com/krakenfx/kraken-cli/issues/33",),
    ),
    Cause(
        id="secret-malformed",
        severity=Severity.FAIL,
        title="The secret is not a Kraken private key",
        meaning=(
            "It is not base64, or does not decode to 64 bytes. A truncated paste loses the end; 66 bytes are the"
            " form of a Kraken Futures secret, 42 bytes that of an API key."
        ),
        proof="Decoded as krakenex does it; the report gives the number of bytes, or that decoding failed.",
        remedy=Remedy(
            "Paste the whole secret: 88 characters that end in ==.",
            otherwise="Kraken shows a secret once. If it is lost, make a new key and delete the old one.",
        ),
        wrong_when="Kraken does not promise 64 bytes; every published spot secret has them.",
        links=(_SIGNING,),
    ),
    Cause(
        id="key-malformed",
        severity=Severity.WARN,
        title="The key has not the form of an API key",
        meaning="Kraken's keys have 56 characters of base64. This one has not, though nothing foreign is in it.",
        proof="Length and alphabet of the value, against the keys in Kraken's documents.",
        remedy=Remedy("Compare its length with the key's page on Kraken: a part may be missing."),
        wrong_when="Kraken promises no length: if the key is accepted, ignore this.",
        links=(_KEY_FORM,),
    ),
    Cause(
        id="key-secret-swapped",
        severity=Severity.FAIL,
        title="Key and secret are swapped",
        meaning="The key's variable holds what has the form of a secret. Sent as it is, it would travel as a header.",
        proof="The value decodes to the 64 bytes of a secret, not to a key's 42. Nothing was sent.",
        remedy=Remedy(
            "Swap the two values.",
            avoid="If a program has sent it already, the secret was a header in plain sight: make a new key.",
        ),
        wrong_when="No published key has a secret's form.",
        links=(_KEY_FORM,),
    ),
    Cause(
        id="key-duplicated",
        severity=Severity.FAIL,
        title="Two accounts carry the same key",
        meaning="Both names lead to one key, so one of them shows the other's money, and their programs share one nonce.",
        proof="The values of two different variables are equal.",
        remedy=Remedy("Give each account its own key."),
        wrong_when="It is meant: then remove one of the two names.",
        links=("https://support.kraken.com/hc/en-us/articles/360001148063",),
    ),
    Cause(
        id="account-ambiguous",
        severity=Severity.FAIL,
        title="Two users share the variables of a first name",
        meaning="KRAKEN_USER_<FIRST>_* can't say which of the users with that first name it belongs to.",
        proof="Two users that were asked for have no variables of their own and fall back to the same ones.",
        remedy=Remedy("Name the variables in full: KRAKEN_USER_<FIRST>_<LAST>_API_KEY and _API_SECRET."),
        wrong_when="Both names mean the same person: then use one of them.",
        links=(_DOTENV,),
    ),
    Cause(
        id="dotenv-readable",
        severity=Severity.WARN,
        title="The .env file can be read by others",
        meaning="It holds secrets, and its mode lets the group or everyone read it, or git carries it into every copy of the repository.",
        proof="The file's mode; and with accounts --static what git says of it.",
        remedy=Remedy("Take the right to read it from the others.", ("chmod 600 .env",)),
        wrong_when="The host has one user, or the file system keeps no modes: then there is nobody to read it.",
        links=(_DOTENV,),
    ),
)
