"""One module a client: how it is known, and what of it is replaced so that its private calls take turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kraken_doctor.model.unit import NonceUnit


class Adapter(NamedTuple):
    """What `install` puts on one client object."""

    mixin: Any
    """A class: its methods go before those of the object's own. ``doctor_where`` gives key and URL."""
    calls: Any
    """A `Ledger`, which these methods ask for everything else: ``_kraken_doctor`` of the object."""
    network_error: type[Exception]
    """What the client raises where the network fails."""
    own_unit: Callable[[], NonceUnit | None]
    """What the client counts in by itself, where that decides; None where it is to be declared."""
