"""``python -m portal.dev``: see :mod:`portal.dev.supervisor`."""

import sys

from portal.dev.supervisor import main

sys.exit(main())
