"""Rules: what the evidence of a scope adds up to. Each module here is found by itself; see `RunRule`, `AccountRule`."""
