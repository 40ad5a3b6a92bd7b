"""What Python, krakenex and other clients say where the exchange itself said nothing."""

from __future__ import annotations

from kraken_doctor.diagnosis.causes import signs

CLIENT_SIGNS = signs("client_signs")
"""The first that is found counts."""
