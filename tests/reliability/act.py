"""One write as a program, to be watched and killed from outside: ``act.py NAME FOLDER``."""

import sys
from pathlib import Path

from tests.reliability.cases import act_once
from tests.reliability.lake import BY_NAME

if __name__ == "__main__":
    said = act_once(Path(sys.argv[2]), BY_NAME[sys.argv[1]], None)
    sys.exit(0 if said == "done" else 1)
