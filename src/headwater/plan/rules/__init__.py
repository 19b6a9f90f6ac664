"""Risk rules: one file a rule, listed in order in one tuple."""
