"""A forked child makes connections of its own: on its parent's, each would read the other's answers."""

from __future__ import annotations

import os
import weakref

import requests
from requests.adapters import HTTPAdapter

_sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
_inherited: list[object] = []


def begin_anew_in_child(*sessions: object) -> None:
    """
    See to it that *sessions*, where they are of requests, have no connection in a child of this process.

    Said of what a client has when it is made, and again when one is used: it may be a copy's, or exchanged.
    """
    _sessions.update(session for session in sessions if isinstance(session, requests.Session))


def _leave_to_parent() -> None:
    for session in list(_sessions):
        for adapter in session.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                # Kept, not closed: closing takes locks that a thread of the parent may have held, and is not here.
                _inherited.append((adapter.poolmanager, adapter.proxy_manager))
                state = adapter.__getstate__()  # of pickle: all settings, no connection
                adapter.__setstate__(state)  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
