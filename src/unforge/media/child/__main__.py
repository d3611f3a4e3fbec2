"""`python -m unforge.media.child REQUEST < FILE`, to look at a decoder by hand."""

import sys

from unforge.media.child.run import main

main(sys.argv[1])
