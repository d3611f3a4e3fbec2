"""`python -m unforge` is `unforge`."""

import sys

from unforge.cli.main import main

sys.exit(main())
