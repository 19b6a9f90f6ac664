"""SQL text as trees: parse, qualify, trace columns, fingerprint, compare."""
