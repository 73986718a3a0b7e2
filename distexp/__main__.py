"""Runs the command line: `python -m distexp`."""

from distexp.cli.main import main

if __name__ == "__main__":
    main()
