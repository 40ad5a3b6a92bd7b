"""
Every fact that a check may state, with its type, its meaning and its unit.

Checks state one by ``facts.CLOCK_OFFSET.of(0.3)``, and rules and pages read it by ``evidence.get(facts.CLOCK_OFFSET)``:
a misspelt one, or one of another type, is an error of the type checker. The names are published in the JSON report.
"""

import itertools
from collections.abc import Iterator

from kraken_doctor.model.findings import EvidenceSet, Fact, Texts

# fmt: off
# This host
KRAKENEX_VERSION = Fact("krakenex.version", str, "what the imported krakenex says of itself")
KRAKENEX_TESTED = Fact("krakenex.tested", str, "the version that this package is tested with")
KRAKENEX_ERROR = Fact("krakenex.error", str, "why it can't be imported")
KRAKENEX_MISSING_HOOKS = Fact("krakenex.missing_hooks", Texts, "what a nonce generator needs and it does not have")
STORE_NAME = Fact("store.name", str, "the nonce store; its source is the .env file that names it")
STORE_PLACE = Fact("store.place", str, "where it is, without a login, and who names it")
STORE_ERROR = Fact("store.error", str, "why it can't be written")
DOCTOR_FAILED_AT = Fact("doctor.failed_at", str, "file and line where a check broke")

# The clock
CLOCK_OFFSET = Fact("clock.offset", float, "reference minus this host's clock: positive if this host is behind", "s")
CLOCK_BOUND = Fact("clock.bound", float, "how far the offset may be off", "s")
CLOCK_LIMIT = Fact("clock.limit", float, "the limit for the offset", "s")
CLOCK_AHEAD = Fact("clock.ahead", float, "offset of a clock that is proved to be ahead", "s")
NTP_ASKED = Fact("clock.ntp.asked", int, "time servers that were asked")
NTP_ANSWERED = Fact("clock.ntp.answered", int, "those with a usable answer", for_reader=True)
NTP_PROBLEMS = Fact("clock.ntp.problems", Texts, "a line for each server without one")
NTP_AGREEING = Fact("clock.ntp.agreeing", Texts, "the sources that the offset rests on", for_reader=True)
NTP_FALSETICKERS = Fact("clock.ntp.falsetickers", Texts, "the sources that contradict them")
EXCHANGE_OFFSET = Fact("clock.exchange.offset", float, "the offset by Kraken's own time", "s")
EXCHANGE_CONTRADICTS = Fact("clock.exchange.contradicts", bool, "whether Kraken and the servers contradict each other")
CLOCK_PLACE = Fact("clock.place", str, "the kind of system: linux, container, wsl, macos, windows")
KEEPER = Fact("clock.keeper", str, "the time service of this host; empty for none")
KEEPER_RUNNING = Fact("clock.keeper.running", bool, "whether it runs")
KEEPER_UNIT = Fact("clock.keeper.unit", str, "its systemd unit")
KEEPER_RIVALS = Fact("clock.keeper.rivals", Texts, "other services that set the clock as well")
KEEPER_PACKAGER = Fact("clock.keeper.packager", str, "this system's package manager")
CLOCK_LOOKS = Fact("clock.looks", int, "number of polls of a watch", for_reader=True)
CLOCK_STEPS = Fact("clock.steps", int, "how often the clock was set in that time", for_reader=True)
STEP_LARGEST = Fact("clock.step.largest", float, "by how much at most", "s", for_reader=True)
RATE_LEAST = Fact("clock.rate.least", float, "how fast the offset grows, at least", "ppm", for_reader=True)
RATE_MOST = Fact("clock.rate.most", float, "how fast the offset grows, at most", "ppm", for_reader=True)

# The connection
ENVIRONMENT = Fact("path.environment", Texts, "variables that change the network path", for_reader=True)
ENVIRONMENT_IN_FILES = Fact("path.environment.files", Texts, "such variables in a .env alone, each with its file")
ENVIRONMENT_UNUSED = Fact("path.environment.unused", bool, "whether those were not used for this run")
PROXY = Fact("path.proxy", str, "the proxy without its login, empty for none; its source is the variable that names it")
PROXY_LOGIN = Fact("path.proxy.login", bool, "whether that variable holds a login")
DNS_ADDRESSES = Fact("path.dns.addresses", Texts, "what the name resolves to")
DNS_IPV4 = Fact("path.dns.ipv4", int, "how many of them are IPv4", for_reader=True)
DNS_IPV6 = Fact("path.dns.ipv6", int, "how many of them are IPv6", for_reader=True)
DNS_SECONDS = Fact("path.dns.seconds", float, "how long that took", "s", for_reader=True)
TCP_ADDRESS = Fact("path.tcp.address", str, "the address that answered")
TCP_OWN_ADDRESS = Fact("path.tcp.own_address", str, "this host's address on that connection")
TCP_SECONDS = Fact("path.tcp.seconds", float, "how long connecting took", "s")
TCP_DEAD = Fact("path.tcp.dead", Texts, "addresses tried before it that don't answer, each with the reason")
TCP_DEAD_SECONDS = Fact("path.tcp.dead_seconds", float, "the delay that they add to a new connection", "s")
TLS_VERSION = Fact("path.tls.version", str, "the version that was agreed on")
TLS_SECONDS = Fact("path.tls.seconds", float, "how long the handshake took", "s", for_reader=True)
TLS_PROBLEM = Fact("path.tls.problem", str, "why the certificate was refused")
TLS_DATES_ALONE = Fact("path.tls.dates_alone", bool, "whether it would be accepted by another clock")
TLS_ISSUER = Fact("path.tls.issuer", str, "who signed the certificate")
TLS_SUBJECT = Fact("path.tls.subject", str, "the certificate's subject")
TLS_SELF_SIGNED = Fact("path.tls.self_signed", bool, "whether it is signed by itself")
TLS_NAMES = Fact("path.tls.names", Texts, "the hosts that it is for")
TLS_NOT_BEFORE = Fact("path.tls.not_before", str, "start of its validity")
TLS_NOT_AFTER = Fact("path.tls.not_after", str, "end of its validity")
TLS_BEGINS_IN = Fact("path.tls.begins_in", float, "time until its validity starts, by this host's clock", "s")
TLS_ENDS_IN = Fact("path.tls.ends_in", float, "time until its validity ends, by this host's clock", "s")
TLS_AUTHORITIES = Fact("path.tls.authorities", str, "trusted authorities; its source is the variable for it")
TLS_WITHOUT_VARIABLE = Fact("path.tls.without_variable", str, "how TLS fails without that variable")
LATENCY = Fact("path.latency", float, "from the request to the whole answer", "s", for_reader=True)
FIRST_BYTE = Fact("path.http.first_byte", float, "from the request to its first byte", "s", for_reader=True)
EXCHANGE_STATUS = Fact("exchange.status", str, "the trading status")

# Credentials
KEY_ID = Fact("credentials.key_id", str, "the key's fingerprint")
KEY_TAIL = Fact("credentials.key_tail", str, "its last characters behind an ellipsis")
CREDENTIALS_SOURCE = Fact("credentials.source", str, "the variable it was read from, and where that is set")
OTP = Fact("credentials.otp", bool, "whether a one-time password is set")
OTP_PLACEHOLDER = Fact("credentials.otp.placeholder", bool, "whether what is set can't be one")
CREDENTIALS_MISSING = Fact("credentials.missing", Texts, "variables that are not set")
DEMO_KEY = Fact("credentials.demo_key", bool, "whether it is the sandbox's, on its way to another host")
ELSEWHERE = Fact("credentials.elsewhere", Texts, "variables that a .env sets to a different value, which is not used")
DAMAGED_LINES = Fact("credentials.damaged_lines", Texts, "lines of .env that set nothing, or set something twice")
SHARED_WITH = Fact("credentials.shared_with", Texts, "other users of the same first name")
SAME_KEY_AS = Fact("credentials.same_key_as", Texts, "other accounts with this key")
READABLE_FILE = Fact("credentials.readable_file", str, "a .env that others may read")
TRACKED_FILE = Fact("credentials.tracked_file", str, "a .env that is under version control")

# The key, as GetApiKeyInfo and Balance tell of it
KEY_NONCE = Fact("key.nonce", int, "the last nonce that Kraken has accepted", for_reader=True)
KEY_NONCE_WINDOW = Fact("key.nonce_window", int, "in ticks of the nonce")
KEY_VALID_UNTIL = Fact("key.valid_until", int, "Unix time; 0: never expires", "s")
KEY_CREATED = Fact("key.created", int, "Unix time", "s", for_reader=True)
KEY_MODIFIED = Fact("key.modified", int, "Unix time of the last edit", "s")
KEY_EDITED_AGO = Fact("key.edited_ago", float, "since the last edit, only if less than 15 minutes", "s")
KEY_LAST_USED = Fact("key.last_used", int, "Unix time", "s", for_reader=True)
KEY_QUERY_FROM = Fact("key.query_from", int, "Unix time from which history can be queried; 0: no limit", "s")
KEY_QUERY_TO = Fact("key.query_to", int, "Unix time up to which history can be queried; 0: no limit", "s")
KEY_PERMISSIONS = Fact("key.permissions", Texts, "its permissions, in Kraken's spelling if known")
KEY_IP_ALLOWLIST = Fact("key.ip_allowlist", int, "number of addresses that may use it; 0: any")
KEY_EXPIRES_IN = Fact("key.expires_in", float, "only if less than two weeks", "s")
PERMISSIONS_MISSING = Fact("permissions.missing", Texts, "needed by the check, or the bot (--needs), but not set")
PERMISSIONS_EXCESS = Fact("permissions.excess", Texts, "permissions that no bot needs")
BALANCES_USD = Fact("balances.USD", str, "a decimal number")
BALANCES_USDT = Fact("balances.USDT", str, "a decimal number")
BALANCES_FORMS = Fact("balances.forms", Texts, "Kraken's asset codes that were added up, each with its amount")
BALANCES_OTHERS = Fact("balances.others", Texts, "codes of other assets, each with its amount")
BALANCES_EMPTY = Fact("balances.empty", bool, "whether there is nothing in any currency")
BALANCES_NO_RESULT = Fact("balances.no_result", bool, "whether the answer had no result")
BALANCES_UNREADABLE = Fact("balances.unreadable", str, "why the answer can't be read")

# The nonces
NONCE_UNIT = Fact("nonce.unit", str, "see `NonceUnit`; its source is who chose it")
NONCE_DECLARED = Fact("nonce.declared", bool, "whether the user chose it")
NONCE_UNIT_BOT = Fact("nonce.unit.bot", str, "the unit of the last accepted call of a bot, by the audit log")
NONCE_UNIT_NOTED = Fact("nonce.unit.noted", str, "the unit recorded by version 0.1", for_reader=True)
NONCE_CORRECTION = Fact("nonce.correction", float, "added to a clock that is ahead: 0 or below", "s")
NONCE_WITHHELD = Fact("nonce.withheld", str, "why nothing was sent: note, finer or ahead")
NONCE_MARK = Fact("nonce.mark", int, "the store's mark, or the nonce that it gave")
NONCE_MARK_UNIT = Fact("nonce.mark.unit", str, "the unit of the mark, or of the note")
NONCE_MARK_LEAD = Fact("nonce.mark.lead", float, "how far the mark is ahead of the clock", "s")
NONCE_ERROR = Fact("nonce.error", str, "why the store gave no nonce")
NONCE_ERROR_TYPE = Fact("nonce.error_type", str, "name of the exception")
NONCE_STORE = Fact("nonce.store", str, "the store that gave the nonces", for_reader=True)
NONCE_LAST = Fact("nonce.last", int, "the last nonce that was sent", for_reader=True)
NONCE_RISING = Fact("nonce.rising", bool, "whether each was larger than the one before", for_reader=True)
NONCE_ON_WIRE = Fact("nonce.on_wire", bool, "whether the nonce that was sent is the one that was issued")
NONCE_LEAD = Fact("nonce.lead", float, "how far the mark is ahead of the clock after the calls", "s")
NONCE_FIRST = Fact("nonce.first", int, "the first nonce of a target", for_reader=True)
NONCE_IN_ORDER = Fact("nonce.in_order", bool, "whether a target keeps one request in flight", for_reader=True)

# A bot's log
LOG_LINES = Fact("log.lines", int, "lines of all files", for_reader=True)
LOG_REFUSED = Fact("log.refused", int, "calls refused for their nonce", for_reader=True)
LOG_WORKED = Fact("log.worked", int, "calls logged as successful", for_reader=True)
LOG_STARTS = Fact("log.starts", int, "starts of the bot", for_reader=True)
LOG_GENERATOR_INSTALLED = Fact("log.generator_installed", int, "lines about its installation", for_reader=True)
# fmt: on


class Step:
    """The facts of a call that did not succeed: at which step it failed, and who answered in its place."""

    def __init__(self, step: str) -> None:
        self.FAILURE = Fact(f"{step}.failure", str, "cause id of the step that failed; empty if Kraken answered")
        self.DETAIL = Fact(f"{step}.detail", str, "what the system or the server said")
        self.PROXY_FAILURE = Fact(f"{step}.proxy.failure", str, "the proxy's failing step")
        self.PROXY_STATUS = Fact(f"{step}.proxy.status", int, "the proxy's answer")
        self.BAD_VARIABLE = Fact(f"{step}.variable", str, "the variable whose value can't be used")
        self.HTTP_STATUS = Fact(f"{step}.http.status", int, "of the answer", for_reader=True)
        self.HTTP_SERVER = Fact(f"{step}.http.server", str, "its header Server", for_reader=True)
        self.HTTP_RAY = Fact(f"{step}.http.ray", str, "Cloudflare's id of the request", for_reader=True)
        self.HTTP_TITLE = Fact(f"{step}.http.title", str, "title of a page in place of JSON", for_reader=True)
        self.HTTP_RETRY_AFTER = Fact(f"{step}.http.retry_after", int, "seconds to wait, as it says")
        self.UNTIL = Fact(f"{step}.until", float, "time until the moment named in the refusal", "s")


class PublicCall(Step):
    """The facts of one public call, and of the steps below it."""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.check = step
        """The check that makes it."""
        self.ERROR = Fact(f"{step}.error", str, "Kraken's own refusal")
        self.SAMPLES = Fact(f"{step}.samples", int, "attempts, if the first did not decide")
        self.SAMPLES_FAILED = Fact(f"{step}.samples.failed", int, "those that failed")
        self.CHANCE = Fact(f"{step}.chance", str, "cause id of a failure that did not repeat")
        self.CHANCE_DETAIL = Fact(f"{step}.chance.detail", str, "the message of that failure")


RUN_CALLS = Fact("run.calls", int, "private calls of a started program", for_reader=True)
RUN_REFUSED = Fact("run.refused", int, "those refused for their nonce", for_reader=True)
RUN_STATUS = Fact("run.status", int, "how the program ended", for_reader=True)


class Credential:
    """The facts of a key or a secret, as it is written."""

    def __init__(self, part: str) -> None:
        self.VARIABLE = Fact(f"credentials.{part}_variable", str, "the variable that it is looked for in")
        self.CHARACTERS = Fact(f"{part}.characters", int, "its length")
        self.PLACEHOLDER = Fact(f"{part}.placeholder", bool, "whether it is an example")
        self.REFERENCE = Fact(f"{part}.reference", bool, "whether it is an unresolved reference")
        self.SHAPE = Fact(f"{part}.shape", str, "what it looks like: key, secret, other")
        self.SOUND_INSIDE = Fact(f"{part}.sound_inside", bool, "whether it is valid apart from its flaws")
        self.FLAWS = Fact(f"{part}.flaws", Texts, "unwanted characters, and their position")
        self.DECODED = Fact(f"{part}.decoded", int, "size after base64 decoding", "bytes")


class CallFacts(Step):
    """The facts of one private call of an account; they are numbered from 1 in the order in which they were made."""

    def __init__(self, number: int) -> None:
        super().__init__(f"call.{number}")
        self.ENDPOINT = Fact(f"call.{number}.endpoint", str, "``Balance``, …")
        self.UNIT = Fact(f"call.{number}.unit", str, "see `NonceUnit`")
        self.NONCE = Fact(f"call.{number}.nonce", int, "as it was sent")
        self.OUTCOME = Fact(f"call.{number}.outcome", str, "``ok``, Kraken's strings, or the failed step's cause id")
        self.AT = Fact(f"call.{number}.at", float, "when its nonce was taken, on the monotonic clock", "s")
        self.CALL_LATENCY = Fact(f"call.{number}.latency", float, "to its answer", "s", for_reader=True)


class SampleFacts:
    """The facts of what one time source said; they are numbered from 1."""

    def __init__(self, number: int) -> None:
        self.SAMPLE_OFFSET = Fact(f"clock.sample.{number}.offset", float, "its source is who said so", "s")
        self.SAMPLE_BOUND = Fact(f"clock.sample.{number}.bound", float, "how far that may be off", "s")


PATH, EXCHANGE = PublicCall("path"), PublicCall("exchange")
KEY, SECRET = Credential("key"), Credential("secret")


def clock_samples(evidence: EvidenceSet) -> Iterator[SampleFacts]:
    """Yield the facts of each time source that told an offset."""
    samples = (SampleFacts(number) for number in itertools.count(1))
    return itertools.takewhile(lambda sample: evidence.get(sample.SAMPLE_OFFSET) is not None, samples)


def private_calls(evidence: EvidenceSet) -> Iterator[CallFacts]:
    """Yield the facts of each private call of an account."""
    calls = (CallFacts(number) for number in itertools.count(1))
    return itertools.takewhile(lambda call: evidence.get(call.OUTCOME) is not None, calls)


def self_test_saw(test: str) -> Fact[str]:
    """Return the fact that one self-test of a nonce generator states."""
    return Fact(f"nonce.{test}", str, "what the test saw", for_reader=True)


def log_pattern(pattern: str) -> Fact[str]:
    """Return the fact that one pattern of a bot's log states."""
    return Fact(f"log.pattern.{pattern}", str, "the pattern in words", for_reader=True)


def run_detail(kind: str, which: str) -> Fact[int]:
    """Return the fact of how many ``calls`` to an endpoint, or ``clients`` of a library, a started program made."""
    return Fact(f"run.{kind}.{which}", int, "how many", for_reader=True)


def run_note(number: int) -> Fact[str]:
    """Return the fact of something remarkable about a started program, numbered from 1."""
    return Fact(f"run.note.{number}", str, "in words", for_reader=True)
