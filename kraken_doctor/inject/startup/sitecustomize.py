"""
The start-up hook of ``kraken-doctor run`` and ``kraken-doctor sandbox``.

Python imports this module by its name when it starts, before the program's own code. It runs inside the user's program
and under whatever Python that uses: so it is valid in every version since 2.7, imports nothing that Python has not
loaded by itself, and never raises.
"""

import os
import sys

OLDEST = (3, 11)
"""Older ones are counted, and left alone: the package does not support them."""

_HERE = os.path.dirname(os.path.abspath(__file__))
_CONFINED = bool(os.environ.get("KRAKEN_DOCTOR_HOOK_PORTS"))
_SEEN_BYTES = 65536
"""A service may start processes for months; the command wants to know that there were some, not each of them."""


class _OwnPackage(object):
    """Finds ``kraken_doctor`` where this file lies; asked last, and for that name alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Return the spec of the package, or None."""
        if name != "kraken_doctor":
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, [os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))])


def _say_seen(mode):
    """Leave a line with this Python's version for the command that started us."""
    seen = os.environ.get("KRAKEN_DOCTOR_HOOK_SEEN")
    if seen and (not os.path.exists(seen) or os.path.getsize(seen) < _SEEN_BYTES):
        with open(seen, "a") as file:
            file.write("%s %d.%d\n" % (mode, sys.version_info[0], sys.version_info[1]))


def _start():
    mode = os.environ.get("KRAKEN_DOCTOR_HOOK_MODE")
    if not mode:
        return
    # The folder goes with the command, and may be another user's; the hook itself does not need it.
    try:  # noqa: SIM105 - contextlib would be one more import for every Python process
        _say_seen(mode)
    except Exception:  # noqa: S110
        pass
    problem = ""
    try:
        if sys.version_info >= OLDEST:
            sys.meta_path.append(_OwnPackage)
            from kraken_doctor.inject import hook

            hook.start(mode)
        elif _CONFINED:
            problem = "Python %d.%d is too old" % sys.version_info[:2]
    except Exception as exc:  # the program is not ours: it goes on, whatever is wrong here
        problem = "%s: %s" % (type(exc).__name__, exc)
    if problem and _CONFINED:  # but not where the hook is all that keeps it from a real exchange
        sys.stderr.write("kraken-doctor sandbox: this process can't be confined, so it ends: %s\n" % problem)
        os._exit(126)
    if problem:
        sys.stderr.write("kraken-doctor: not active in this process: %s\n" % problem)


def _chain():
    """Run the sitecustomize that this one hides, as Python would have."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize
    except ImportError as exc:
        if getattr(exc, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        if ours is not None:  # Python 2 empties a module that nobody holds
            sys.modules.setdefault("sitecustomize", ours)


_start()
_chain()
