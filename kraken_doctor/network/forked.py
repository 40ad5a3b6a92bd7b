"""Give a forked child connections of its own: on its parent's, each would read the other's answers."""

from __future__ import annotations

import os
import weakref

import requests
from requests.adapters import HTTPAdapter

_sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
_inherited: list[object] = []


def reset_in_child(*sessions: object) -> None:
    """
    Let *sessions*, where they are of requests, begin without a connection in each child of this process.

    Called when a client is made, and again when it is used: its session may be a copy's, or replaced by the bot.
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
