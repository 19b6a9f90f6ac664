"""The embedded engine: DuckDB; the only package that imports it."""
