"""What other clocks say about this host's clock, always with an error bound."""
