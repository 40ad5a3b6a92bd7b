"""``-o json``: the report as one document, see schema.json."""

from kraken_doctor.model.json_report import render

__all__ = ["render"]
