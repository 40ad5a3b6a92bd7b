"""A report as text. Pure."""
