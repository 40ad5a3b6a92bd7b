"""
Give a client object new methods, by a class of its own between it and its class.

What stands in the object itself would be copied along with it, and a copy's calls would be made with the original's
key. Methods of a class have the object that they are called on.
"""

import types
from collections.abc import Callable
from typing import Any

from kraken_doctor.errors import NonceHookError


def place(client: Any, mixin: type, calls: Any, patches: dict[str, Any] | None = None) -> None:
    """
    Let the methods of *mixin* take precedence over those of *client*, and make *calls* its ``_kraken_doctor``.

    Methods that somebody put on the object itself are what ``super()`` finds first. A second time the object gets the
    new *calls*; copies that were made before keep theirs.

    Raises:
        NonceHookError: It has no effect on this object, which is as it was before.
    """
    from kraken_doctor.network.sessions import reset_in_child  # loads requests, which `run` needs in its bots alone

    before = type(client)
    base, known = vars(before).get("_kraken_doctor_base", (before, {}))
    methods = {name: own for name in dir(mixin) if name[:2] != "__" and callable(own := getattr(mixin, name))}
    own = getattr(client, "__dict__", {})
    patches = {**known, **(patches or {}), **{name: own[name] for name in methods if name in own}}
    try:
        client.__class__ = _class(mixin, base, calls, patches)
    except TypeError as exc:
        raise NonceHookError(f"the class {before.__qualname__} can't be extended: {exc}") from exc
    # What is left on the object itself would hide the method of the class, and our call with it.
    taken = {name: own.pop(name) for name in methods if name in own}
    for name, method in methods.items():
        # A ``__getattribute__`` or a slot may win all the same: better not installed than without effect.
        if getattr(getattr(client, name, None), "__func__", None) is not method:
            client.__class__ = before
            own.update(taken)
            raise NonceHookError(f"{before.__qualname__}.{name} can't be replaced")
    reset_in_child(*own.values())


def _class(mixin: type, base: type, calls: Any, patches: dict[str, Any]) -> type:
    """Return a class between a client and *base*; it looks like *base*."""
    inner = base
    if patches:
        found = {name: staticmethod(patch) for name, patch in patches.items()}
        inner = types.new_class(base.__name__, (base,), exec_body=lambda names: names.update(found))
    # Named like *base*: pickle, loggers and `type(api).__name__` of the bot see no other class.
    names = {name: getattr(base, name) for name in ("__module__", "__qualname__", "__doc__")}
    names |= {"__reduce_ex__": _reduce, "_kraken_doctor": calls, "_kraken_doctor_base": (base, patches)}
    return types.new_class(base.__name__, (mixin, inner), exec_body=lambda own: own.update(names))


def _reduce(client: Any, protocol: Any) -> tuple[Any, ...]:
    """Return what `copy` and `pickle` ask for: as the client's own class says it, and then placed again."""
    kind = type(client)
    base, patches = kind._kraken_doctor_base  # noqa: SLF001 - ours
    make, arguments, *rest = base.__reduce_ex__(client, protocol)
    plain = tuple(base if argument is kind else argument for argument in arguments)
    make = base if make is kind else make
    return (_placed, (kind.__bases__[0], client._kraken_doctor, patches, make, plain), *rest)  # noqa: SLF001


def _placed(mixin: type, calls: Any, patches: dict[str, Any], make: Callable[..., Any], arguments: Any) -> Any:
    client = make(*arguments)
    if not isinstance(client, mixin):
        place(client, mixin, calls, patches)
    return client
