"""What runs SQL: the interface, and one adapter an engine behind a registry."""
