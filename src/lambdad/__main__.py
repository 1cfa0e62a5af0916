"""`python -m lambdad`: the same as the `lambdad` command."""

import sys

from lambdad.cli.main import main

sys.exit(main())
