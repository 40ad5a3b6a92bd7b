"""What is put into the process of a bot."""
