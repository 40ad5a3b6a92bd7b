"""What a terminal, a file and a signal are. Knows nothing of the domain."""
