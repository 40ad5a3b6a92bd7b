"""What a bot's own log tells: read in constant memory, counted, and judged."""
