"""A certificate authority for one run: its key is thrown away with the run, so that trusting it costs nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIGURATION = Path(__file__).with_name("certificates") / "openssl.cnf"
_NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
_STEPS = (
    f"req -x509 -config CONF {_NEW_KEY} -days 2 -subj /CN=kraken-doctor-sandbox -extensions authority"
    " -keyout ca.key -out ca.pem",
    f"req -new -config CONF {_NEW_KEY} -keyout server.key -out server.csr",
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extensions server -extfile CONF"
    " -out server.pem",
)
_STEP_S = 20.0


def make_certificate(folder: Path) -> tuple[Path, Path, Path] | None:
    """
    Return the files of an authority, and of a certificate for Kraken's host and its key, made in *folder*.

    None where this system has no ``openssl``: Python itself can't make a certificate.
    """
    for step in _STEPS:
        command = ["openssl", *(str(_CONFIGURATION) if word == "CONF" else word for word in step.split())]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_STEP_S)  # noqa: S603 - ours
        except (OSError, subprocess.SubprocessError):
            return None
    return folder / "ca.pem", folder / "server.pem", folder / "server.key"
