"""Delta tables: snapshots, our own commits, statistics and storage."""
