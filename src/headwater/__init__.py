"""Headwater: an open lakehouse in one package. SQL models become Delta tables, planned first."""

__version__ = "0.1.0"
__all__ = ["__version__"]
