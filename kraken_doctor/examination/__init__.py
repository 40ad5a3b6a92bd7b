"""Accounts × checks → Report."""
