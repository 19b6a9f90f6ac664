"""The public test kit: in-memory stand-ins and fixture projects."""
