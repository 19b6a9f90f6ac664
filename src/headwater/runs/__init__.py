"""Where the wings meet: State is read, plans are executed, results recorded."""
