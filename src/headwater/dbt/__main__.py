"""``python -m headwater.dbt``: `hw` under the name and with the manners of dbt."""

import sys

from headwater.dbt.shell import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
