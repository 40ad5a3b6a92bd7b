"""``-o json``: the report as one document, see schema.json."""

from __future__ import annotations

from kraken_doctor.model.json_report import render

__all__ = ["render"]
