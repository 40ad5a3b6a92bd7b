"""Nonces: uniqueness by a store's one atomic step, order by a key's turn."""
