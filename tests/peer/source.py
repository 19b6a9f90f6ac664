"""Puts the sources on the path, for programs of this folder that Python starts by themselves.

To be imported before the package; under pytest they are there already.
"""

import sys
from pathlib import Path

SOURCE = str(Path(__file__).parents[2] / "src")

if SOURCE not in sys.path:
    sys.path.insert(0, SOURCE)
