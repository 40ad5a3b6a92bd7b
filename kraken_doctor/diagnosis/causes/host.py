"""What can be wrong with this host."""

from __future__ import annotations

from kraken_doctor.model.cause import Cause
from kraken_doctor.model.diagnosis import Remedy, Severity

_AUTHENTICATION = "https://docs.kraken.com/exchange/guides/rest/authentication"
_KRAKENEX = "https://pypi.org/project/krakenex/"

HOST = (
    Cause(
        id="krakenex-missing",
        severity=Severity.FAIL,
        title="krakenex can't be imported",
        meaning="Private calls go through krakenex, and this Python has none, or a broken one.",
        proof="The import failed; the report gives Python's own words.",
        remedy=Remedy("Install it for the Python that runs this.", ("python -m pip install krakenex==2.2.2",)),
        wrong_when="The bot runs in another environment: check there.",
        links=(_KRAKENEX,),
    ),
    Cause(
        id="krakenex-untested",
        severity=Severity.WARN,
        title="This krakenex is not the tested version",
        meaning="The nonce hook is there, but the version is not 2.2.2, with which this program is tested.",
        proof="The installed distribution's version.",
        remedy=Remedy("Install the tested version.", ("python -m pip install krakenex==2.2.2",)),
        wrong_when="The self-tests pass (kraken-doctor nonce): then the version works too.",
        links=(_KRAKENEX,),
    ),
    Cause(
        id="krakenex-incompatible",
        severity=Severity.FAIL,
        title="This krakenex has no nonce hook",
        meaning="The methods that the nonce generator replaces are not there, so it can't be installed.",
        proof="krakenex.API was imported and looked at; the missing names are listed.",
        remedy=Remedy("Install the tested version.", ("python -m pip install krakenex==2.2.2",)),
        wrong_when="Another package called krakenex, or a local file of that name, shadows the real one.",
        links=(_KRAKENEX,),
    ),
    Cause(
        id="nonce-generator-broken",
        severity=Severity.FAIL,
        title="The nonce generator gives wrong nonces",
        meaning="It repeats, decreases, or is not safe across threads; or what is sent is not what it gave.",
        proof="The generator was called, in one thread and in several, and the nonces were compared.",
        remedy=Remedy("Put kraken_doctor.install(api) in its place, after every other change to the API object."),
        wrong_when="It was tested outside of the lock that the bot holds around it.",
        links=(_AUTHENTICATION,),
    ),
    Cause(
        id="nonce-generator-default",
        severity=Severity.WARN,
        title="The bot still uses krakenex's own nonce",
        meaning="Milliseconds without a guard: two calls in one millisecond get the same nonce, and one is refused.",
        proof="The API object's nonce hook is the one that krakenex brings.",
        remedy=Remedy("Call kraken_doctor.install(api) where the bot makes its API object."),
        wrong_when="The bot makes one call at a time, well apart, from one process.",
        links=("https://github.com/veox/python3-krakenex/blob/v2.2.2/krakenex/api.py",),
    ),
    Cause(
        id="clock-behind",
        severity=Severity.WARN,
        title="This host's clock is behind",
        meaning=(
            "Kraken compares a nonce only with the ones before it, so a wrong clock alone breaks nothing. It does"
            " when nonces follow the clock and a larger one was already sent: by another host with a right clock, or by"
            " this one before its clock was set back."
        ),
        proof="The offset against NTP servers, or the exchange's own time, less the error bound, is over the limit.",
        remedy=Remedy("Turn on time synchronisation and let it correct the clock, then run this again."),
        wrong_when="Time servers are answered by a middlebox that lies: compare with another network.",
        links=(_AUTHENTICATION, "https://docs.kraken.com/home/guides/quickstart"),
    ),
    Cause(
        id="clock-ahead",
        severity=Severity.WARN,
        title="This host's clock is ahead",
        meaning=(
            "Every nonce sent now raises what the key has accepted. When the clock is corrected, nonces that follow"
            " it are refused until real time has caught up."
        ),
        proof="The offset against NTP servers, or the exchange's own time, less the error bound, is over the limit.",
        remedy=Remedy(
            "Stop the bots, correct the clock, and keep the nonce store: with it kraken_doctor goes on from the mark.",
            otherwise="Other bots are refused until the time that they have used is reached again: wait for that.",
            avoid="Don't delete the nonce store now: it is what remembers how far ahead the key is.",
        ),
        wrong_when="Time servers are answered by a middlebox that lies: compare with another network.",
        links=(_AUTHENTICATION,),
    ),
    Cause(
        id="clock-unverified",
        severity=Severity.INFO,
        title="No time source answered",
        meaning="Neither an NTP server nor the exchange told the time, so this host's clock is neither good nor bad.",
        proof="Every source that was asked, with what it said.",
        remedy=Remedy("Name a server that can be reached: kraken-doctor clock --ntp-server HOST."),
        wrong_when="It is a statement about the sources, not about the clock.",
        links=("https://www.ntppool.org/en/use.html",),
    ),
    Cause(
        id="state-unwritable",
        severity=Severity.FAIL,
        title="The nonce store can't be written",
        meaning="Without a durable mark a restart could repeat a nonce, so no nonce is issued at all.",
        proof="The store was opened and written to; the report gives the system's own words.",
        remedy=Remedy(
            "Make the state directory writable for this user, or choose another place: KRAKEN_NONCE_STORE=sqlite:///PATH.",
            avoid="Don't fall back to memory:// when several processes use the key.",
        ),
        wrong_when="The check ran as another user than the bot.",
        links=("https://platformdirs.readthedocs.io/",),
    ),
)
