"""Private calls in order, on krakenex. The only part that imports krakenex and requests."""
