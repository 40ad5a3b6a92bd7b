"""Files that the user asked for: whole, or as they were before."""

import contextlib
import errno
import io
import os
import stat
import sys
import tempfile
import time
from pathlib import Path

from kraken_doctor.descriptors import without_waiting

_READER_S = 2.0
"""How long to wait for whoever is to read a pipe, who may have been started together with us, or reads the old file."""

META = "kraken_doctor.files"
"""Where `options.files` keeps what it was given, in the context: form to path."""


def opened(path: Path) -> io.BufferedReader:
    """
    *path*, to be read. A pipe is one too, if somebody writes to it: else it would be waited for, without a word.

    Raises:
        OSError: It can't be opened, and why.
    """
    stream = open(path, "rb", opener=without_waiting)  # noqa: SIM115 - the caller closes it
    if stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode) and not _is_written_to(stream.fileno()):
        stream.close()
        raise OSError(errno.ENXIO, "a pipe that nothing writes to")
    _wait_from_now_on(stream.fileno())
    return stream


def _is_written_to(pipe: int) -> bool:
    if sys.platform == "win32":
        return True  # its pipes with a name are no files
    import select

    look = select.poll()
    look.register(pipe, select.POLLIN)
    if look.poll(0):
        return True  # there is something in it, if only its end
    try:
        return bool(os.read(pipe, 1))
    except BlockingIOError:
        return True  # somebody has it open, and has said nothing yet


def _wait_from_now_on(descriptor: int) -> None:
    if sys.platform != "win32":
        os.set_blocking(descriptor, True)


def check(path: Path) -> None:
    """
    Whether `write` will be able to write *path*; it is left as it is.

    Raises:
        OSError: It won't, and why.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its directory does not exist")
    if not os.access(path if _is_special(path) else folder, os.W_OK):
        raise PermissionError(errno.EACCES, "can't be written")


def write(path: Path, text: str, *, mode: int | None = None) -> None:
    """
    Replace *path* by *text*, in one step: a reader sees the old file or the new one, never half of one.

    A new file is for its owner alone (0600): a report names accounts and what they hold, and a .env is a secret.
    One that is there keeps its mode, which somebody chose, unless *mode* says otherwise.

    Raises:
        OSError: It can't be written; what was there is still there.
    """
    # What no encoding takes (half a surrogate pair) is written as its escape, which JSON reads back.
    data = text.encode("utf-8", errors="backslashreplace")
    if _is_special(path):
        _write_into(path, data)
        return
    path = Path(os.path.realpath(path))  # replacing a link itself would leave its target as it was
    # What is a secret lies, should this process die here, under a name that `.env*` in a .gitignore matches too.
    prefix = f".{path.name[:100]}." if mode is None else ".env."
    if mode is None:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=prefix)  # made with 0600
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())  # else a power cut may leave an empty file under the new name
        beside.chmod(mode)
        _put_in_place(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _put_in_place(beside: Path, path: Path) -> None:
    until = time.monotonic() + _READER_S
    while True:
        try:
            beside.replace(path)
        except PermissionError:
            # Windows replaces no file that somebody reads at this moment.
            if sys.platform != "win32" or time.monotonic() > until:
                raise
            time.sleep(_READER_S / 100)
        else:
            return


def _write_into(path: Path, data: bytes) -> None:
    """A pipe or a device, such as /dev/stdout: there is nothing to replace."""
    until = time.monotonic() + _READER_S
    while True:
        try:
            with open(path, "wb", opener=without_waiting) as stream:
                _wait_from_now_on(stream.fileno())
                stream.write(data)
                return
        except OSError as exc:
            if exc.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "a pipe that nothing reads") from exc
        time.sleep(_READER_S / 100)


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
