"""
What a user has in hand: the errors as the exchange, a client library or Python words them.

A module of its own, so that a run that explains no error does not read them.
"""

from kraken_doctor.diagnosis.causes import load_symptoms

EXCHANGE_SYMPTOMS = load_symptoms("exchange_symptoms")
"""The exchange's own strings: what each says for certain, and what it may come from."""

CLIENT_SYMPTOMS = load_symptoms("client_symptoms")
"""What Python, krakenex and other clients say where the exchange said nothing; the first that is found counts."""
