"""Variables of the process and of .env files, each with the place it came from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

PROCESS = "environment"


class Variable(NamedTuple):
    """A variable that is set."""

    name: str
    value: str
    origin: str
    """`PROCESS`, the name of a file, or the variable that names one."""

    def __repr__(self) -> str:
        # The value may be a secret; a repr ends up in tracebacks.
        return f"Variable({self.name!r}, origin={self.origin!r})"


class Environment:
    """
    The variables that a run sees; an empty value counts as unset.

    Args:
        layers: Origin and variables, strongest first: the process wins over .env.
        damaged_lines: By origin what its lines were meant to set, and do not.
        given: The variables of key and secret of the one account that the user has pointed at; then there is no other.
        looked_at: Where credentials were looked for, each with what is there.
    """

    def __init__(
        self, *layers: tuple[str, Mapping[str, str]], damaged_lines: Mapping[str, tuple[str, ...]] | None = None,
        given: tuple[str, str] | None = None, looked_at: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self.damaged_lines = damaged_lines or {}
        self.given = given
        self.looked_at = tuple(looked_at)
        self._variables: dict[str, Variable] = {}
        self._hidden: dict[str, str] = {}
        for origin, variables in layers:
            for name, value in variables.items():
                # White space alone is empty too: `KEY= ` in an .env file was never meant as a value.
                if value.strip():
                    used = self._variables.setdefault(name, Variable(name, value, origin))
                    if used.value != value:
                        self._hidden.setdefault(name, origin)

    def get(self, name: str) -> Variable | None:
        """The variable, None if it is not set."""
        return self._variables.get(name)

    def hidden(self, name: str) -> str | None:
        """The origin that has another value for the variable, which is not used; None if there is none."""
        return self._hidden.get(name)

    def value(self, name: str) -> str | None:
        """The variable's value, None if it is not set."""
        variable = self._variables.get(name)
        return variable.value if variable else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)
