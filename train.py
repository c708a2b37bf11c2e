"""Trains planners, generators and seekers; without arguments the whole pipeline on the bundled sample."""

import sys

from cli.train import main

if __name__ == "__main__":
    main(sys.argv[1:])
