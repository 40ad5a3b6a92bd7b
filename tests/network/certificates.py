"""Real TLS with certificates of our own making."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

TODAY = datetime.now(UTC)
YEAR = timedelta(days=365)


def server_context(
    authority: trustme.CA,
    name: str = "127.0.0.1",
    *,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> ssl.SSLContext:
    """What a server needs to show a certificate of *authority* for *name*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_before=not_before, not_after=not_after).configure_cert(context)
    return context


def expired(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    """A certificate that ended a year ago."""
    return server_context(authority, name, not_before=TODAY - 2 * YEAR, not_after=TODAY - YEAR)


def not_yet_valid(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    """A certificate that begins in a year."""
    return server_context(authority, name, not_before=TODAY + YEAR, not_after=TODAY + 2 * YEAR)


def of_this_year(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    """A certificate that was made yesterday and lasts for three months, as the exchange's are."""
    return server_context(authority, name, not_before=TODAY - timedelta(days=1), not_after=TODAY + timedelta(days=90))


def no_common_cipher(authority: trustme.CA) -> ssl.SSLContext:
    """Offers TLS 1.2 with a cipher that no client takes, as it hides nothing."""
    context = server_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0")
    return context


def bundle(folder: Path, *authorities: trustme.CA, name: str = "authorities.pem") -> Path:
    """The authorities as one file."""
    path = folder / name
    path.write_bytes(b"".join(authority.cert_pem.bytes() for authority in authorities))
    return path
