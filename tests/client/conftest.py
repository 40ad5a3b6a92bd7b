"""What the tests of the client share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.listener import Listener, listening


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server that keeps what it is told."""
    with listening() as serving:
        yield serving
