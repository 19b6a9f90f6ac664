"""Names and records: the metastore, the ledger, lineage, and the store that keeps them."""
