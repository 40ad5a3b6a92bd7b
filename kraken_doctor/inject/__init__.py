"""What `run` and `sandbox` put into the process of a user's program, and how they start it."""
