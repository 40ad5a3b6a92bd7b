"""Pages, and the scripts that write them."""
