"""
What each session of requests or aiohttp that carries a key must do: refuse redirects, and begin anew in a fork.

They repeat the headers of a request to wherever a redirect leads, and with 307 and 308 its body too: key, signature
and one-time password would go to another host. On its parent's connections a child would read the parent's answers.
"""

import functools
import os
import sys
import weakref
from typing import Any

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


_REFUSED = "the answer to a private call was a redirect, which is not followed: key and signature would be sent along"


class RedirectError(requests.TooManyRedirects, requests.HTTPError):
    """The answer to a private call was a redirect."""


def refuse_redirects(session: Any) -> None:
    """Let *session*, of requests or aiohttp, refuse redirects of requests that carry a key; called before each use."""
    if isinstance(session, requests.Session):
        reset_in_child(session)
        if "get_redirect_target" not in vars(session):
            # Asked by every version of requests for where a redirect leads; unlike a hook not lost to another hook.
            target = functools.partial(_target, weakref.ref(session))
            session.get_redirect_target = target  # type: ignore[method-assign]
    elif (aiohttp := sys.modules.get("aiohttp")) and isinstance(session, aiohttp.ClientSession):
        trace = _trace()
        if trace not in session.trace_configs:
            session.trace_configs.append(trace)


def _target(session: weakref.ref[requests.Session], response: requests.Response) -> str | None:
    asked = session()
    target = type(asked).get_redirect_target(asked, response) if asked is not None else None
    if target is not None and "API-Key" in response.request.headers:
        response.close()
        raise RedirectError(_REFUSED, response=response)
    return target


@functools.cache
def _trace() -> Any:
    import aiohttp

    async def refuse(_session: Any, _context: Any, redirect: Any) -> None:
        if "API-Key" in redirect.headers:
            redirect.response.close()
            # Not aiohttp's own type for it, which holds the request, and with it the key.
            raise aiohttp.ClientError(_REFUSED)

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    trace.freeze()
    return trace
