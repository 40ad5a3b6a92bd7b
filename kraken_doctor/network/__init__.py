"""The way to the exchange, below HTTP, and what its failures are called."""
