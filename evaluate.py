"""Evaluates corpora, planners, generators, simulated conversations and any system's outputs."""

import sys

from cli.evaluate import main

if __name__ == "__main__":
    main(sys.argv[1:])
