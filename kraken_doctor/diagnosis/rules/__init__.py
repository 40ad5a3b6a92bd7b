"""Rules: what the evidence of a scope adds up to. A rule that has nothing to say yields nothing."""
