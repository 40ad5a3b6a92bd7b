"""``audit``: what the nonce store's log tells, key by key and call by call."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from kraken_doctor.accounts.discovery import find_accounts
from kraken_doctor.clock import Clock
from kraken_doctor.doctor.host import Host
from kraken_doctor.doctor.instruments import store_place
from kraken_doctor.doctor.reporting import Started, finished
from kraken_doctor.errors import ConfigurationError, NonceStoreError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.findings import CheckResult, Outcome
from kraken_doctor.model.format import counted, utc_timestamp
from kraken_doctor.model.report import Report
from kraken_doctor.model.unit import NonceUnit
from kraken_doctor.nonce.history import Filter, KeySummary, summarise
from kraken_doctor.nonce.stores import NonceStore
from kraken_doctor.secret import STORE_VARIABLE


def account_names(host: Host) -> dict[str, str]:
    """Return the label of each account that is configured, by key id; having none is no error here."""
    try:
        accounts = find_accounts(host.environment)
    except ConfigurationError:
        return {}
    return {account.key_id: account.label for account in accounts if account.key_id}


def wanted_keys(
    host: Host, key_ids: Collection[str], *, users: tuple[str, ...], master: bool, everyone: bool
) -> frozenset[str] | None:
    """
    Return the key ids that are asked for, by themselves and by account; None for all.

    Raises:
        ConfigurationError: An account is named that is not configured.
    """
    chosen = set(key_ids)
    if users or master:
        accounts = find_accounts(host.environment, users=users, master=master)
        chosen |= {account.key_id for account in accounts if account.key_id}
    if everyone:
        chosen |= set(account_names(host))
    return frozenset(chosen) if chosen else None


def audit(host: Host, clock: Clock, wanted: Filter, limit: int) -> Report:
    """
    Return what the log of the host's nonce store tells.

    A log that can be read is no verdict on what it tells: calls that failed are a warning, and no more.

    Args:
        host: Names the store and the accounts.
        clock: This host's.
        wanted: Which calls.
        limit: The newest so many records are in the report.

    Raises:
        ConfigurationError: The store that is named is not there, or is none; or a key is named that nobody knows.
        NonceStoreError: The store can't be read.
    """
    started, names, store = Started.now(clock), account_names(host), host.store()
    place = store_place(host.environment, store)
    is_there = _is_there(host, store)
    # One pass: the figures need every record, the page the newest, and a full log has a hundred thousand of them.
    newest: deque[CallRecord] = deque(maxlen=limit)

    def passing() -> Iterator[CallRecord]:
        for record in wanted(store.records(wanted.since_ns)):
            newest.append(record)
            yield record

    summaries = summarise(passing())
    # A key that is mistyped must not read like one that has made no calls.
    for key_id in (wanted.key_ids or ()) if is_there and not summaries else ():
        if key_id not in names and store.mark(key_id) is None:
            raise ConfigurationError(f"no call of key {key_id[:40]!r} is recorded in {place or store.name}")
    outcome, text = _verdict(summaries, has_others=is_there and not summaries and any(store.records()))
    check = CheckResult(id="audit", account=None, outcome=outcome, summary=f"{text} in {place or store.name}")
    extra = {
        "summary": [_summary(summary, names, store.mark(summary.key_id), clock.now_ns()) for summary in summaries],
        "records": [
            record.to_json(account=names.get(record.key_id), digits=3)
            for record in sorted(newest, key=lambda record: record.at_ns)
        ],
    }
    return finished("audit", started, [check], extra=extra)


def _is_there(host: Host, store: NonceStore) -> bool:
    """Whether *store* has been written to; ConfigurationError where it is named and is none."""
    path, named = getattr(store, "path", None), host.environment.get(STORE_VARIABLE)
    if path is None:
        return True
    if not path.exists():
        # The log lies beside the store, and may have outlived it.
        if path.with_name(f"{path.name}.audit").exists():
            return True
        if named:
            raise ConfigurationError(f"{STORE_VARIABLE} ({named.origin}) names {path}, which does not exist")
        # The default one: nothing was recorded yet, which is no mistake of the user's.
        return False
    try:
        # Whatever is read: a file that is no store of ours is found out by it, before a page is made of nothing.
        store.mark("")
    except NonceStoreError as exc:
        if named:
            raise ConfigurationError(f"{exc} ({STORE_VARIABLE}, {named.origin})") from None
        raise
    return True


def _verdict(summaries: Sequence[KeySummary], *, has_others: bool) -> tuple[Outcome, str]:
    if not summaries:
        return Outcome.PASS, "no recorded call matches" if has_others else "nothing recorded yet"
    issued, refused, failed = (sum(getattr(s, name) for s in summaries) for name in ("issued", "refused", "failed"))
    good = not (refused or failed or any(summary.repeated for summary in summaries))
    return (
        Outcome.PASS if good else Outcome.WARN,
        f"{counted(issued, 'nonce')} of {counted(len(summaries), 'key')}, {refused} refused, {failed} failed,",
    )


def _summary(summary: KeySummary, names: dict[str, str], mark: int | None, now_ns: int) -> dict[str, Any]:
    unit = NonceUnit.of_mark(mark, now_ns) if mark is not None else None
    lead_now_s = unit.lead_s(mark, now_ns) if mark is not None and unit else None
    return {
        "key_id": summary.key_id,
        "account": names.get(summary.key_id),
        "issued": summary.issued,
        "refused": summary.refused,
        "failed": summary.failed,
        "first": utc_timestamp(summary.first_ns, 3),
        "last": utc_timestamp(summary.last_ns, 3),
        "rate_per_s": round(summary.rate_per_s, 3),
        "longest_wait_s": round(summary.longest_wait_s, 3),
        "longest_gap_s": round(summary.longest_gap_s, 3),
        "repeated": summary.repeated,
        "mark": mark,
        "lead_s": round(lead_now_s, 3) if lead_now_s is not None else None,
    }
