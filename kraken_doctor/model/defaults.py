"""Defaults of the library and of the commands, each with its unit and its reason."""

CALL_TIMEOUT_S = 10.0
"""Seconds for each call that names none. krakenex has no default: a silent exchange would block it for ever."""

TURN_TIMEOUT_S = 60.0
"""Longest wait in seconds for a key's turn: six calls before ours, each of which ran into `CALL_TIMEOUT_S`."""

TURN_LEASE_S = 30.0
"""Seconds that a turn may be held where a dead holder can't be noticed otherwise: above any call's timeout."""

LEASE_MARGIN_S = 5.0
"""Seconds of a call's lease above its timeouts: for this process to get its time slices."""

RETRY_BASE_S, RETRY_ATTEMPTS = 5.0, 4
"""
Seconds before the second attempt, and how many further ones: after 5, 10, 20 and 40 s. Kraken's call counter of a
starter key falls by one in 3 s: https://docs.kraken.com/exchange/guides/rest/ratelimits
"""

DEADLINE_S = 60.0
"""Seconds for a whole run of the doctor: the time after which CI jobs and users take a command for hanging."""

JOBS = 16
"""Accounts in parallel: more gain little, since the calls of a run leave from one address and count together."""
