"""The values that pass between the layers: frozen, comparable, and free of behaviour that does I/O."""
