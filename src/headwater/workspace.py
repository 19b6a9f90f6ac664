"""The composition root: settings in, the eight functions wired, methods of one line each."""
