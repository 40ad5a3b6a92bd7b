"""What one command shows."""
