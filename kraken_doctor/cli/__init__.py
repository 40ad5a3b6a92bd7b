"""The command line: one module a command, which parses, calls, renders and exits."""
