"""One module a command: parse, call `doctor`, show the result."""
