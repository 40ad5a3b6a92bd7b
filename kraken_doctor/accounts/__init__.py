"""From the environment to accounts. Pure, but for `dotenv`, which reads the files."""
