"""What is examined: each check gathers evidence and an outcome, and prints nothing."""
