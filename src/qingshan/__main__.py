"""`python -m qingshan`: the command line."""

import sys

from .faces.cli import main

sys.exit(main())
