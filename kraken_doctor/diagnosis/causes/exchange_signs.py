"""The exchange's own error strings: what each says for certain, and what it may come from."""

from __future__ import annotations

from kraken_doctor.diagnosis.causes import signs

EXCHANGE_SIGNS = signs("exchange_signs")
