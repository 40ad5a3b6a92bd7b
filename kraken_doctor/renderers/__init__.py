"""A report as text: one module a format, each ``render(report, …) -> str`` and pure."""
