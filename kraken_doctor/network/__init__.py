"""The connection to the exchange, below HTTP, and what its failures are called."""
