"""Text to Project: the only reader of a project's files."""
