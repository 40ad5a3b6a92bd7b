"""The private calls of the last hour: this run's own, and those of other programs, from the nonce store's audit log."""

from collections import deque
from collections.abc import Collection, Iterable

from kraken_doctor.doctor.examine import Doctor
from kraken_doctor.doctor.request import RunRequest
from kraken_doctor.errors import KrakenDoctorError
from kraken_doctor.model.call import CallRecord
from kraken_doctor.model.payloads import Extra
from kraken_doctor.nonce.stores import NonceStore

HOUR_NS = 3_600 * 10**9

_MOST = 10_000
"""Of a busy hour the newest calls: as many are a few megabytes of JSON, and nobody reads on."""


def recent_calls(doctor: Doctor, request: RunRequest, key_ids: Collection[str], *, offline: bool) -> Extra:
    """
    Return the calls of *key_ids*, of every key where none is named: a report is about the accounts that it examined.

    They are the report's fields in the published form, see schema.json: ``left_out`` counts older calls of the same
    hour, above the most that a report takes; ``problem`` says why the audit log is not among them.

    A log that can't be read costs its calls, and not the report: that is wanted most where something is broken.
    """
    logged: Collection[CallRecord] = ()
    problem, left_out = "", 0
    now_ns = doctor.clock.now_ns()
    if offline and doctor.host.store_reaches_over_network():
        problem = "was not read: the nonce store is on the network, and --offline makes no network calls"
    elif not request.sandbox:  # whose keys are nobody's, and whose log lived as long as the run
        try:
            logged, left_out = _newest(doctor.host.store(), key_ids, now_ns)
        except (KrakenDoctorError, OSError) as exc:
            problem = f"can't be read: {exc}"
    # Ours stand last, and so win over the log's copy of them: the log shortens long answers.
    calls = [record.to_json() for record in of_last_hour((*logged, *doctor.calls), now_ns)]
    return {"calls": calls, "audit": {"left_out": left_out, "problem": problem}}


def of_last_hour(records: Iterable[CallRecord], now_ns: int) -> tuple[CallRecord, ...]:
    """The records of the hour before *now_ns*, oldest first, each call once."""
    recent = {(r.key_id, r.nonce, r.at_ns): r for r in records if now_ns - HOUR_NS <= r.at_ns <= now_ns}
    return tuple(sorted(recent.values(), key=lambda record: record.at_ns))


def _newest(store: NonceStore, key_ids: Collection[str], now_ns: int) -> tuple[Collection[CallRecord], int]:
    newest: deque[CallRecord] = deque(maxlen=_MOST)
    count = 0
    for record in store.records(now_ns - HOUR_NS):
        # What a clock that was ahead has written is not of the last hour, and would push out what is.
        if record.at_ns <= now_ns and (not key_ids or record.key_id in key_ids):
            newest.append(record)
            count += 1
    return newest, count - len(newest)
