"""Writes the names of the variables that hold the tests' key, and waits as a served child does."""

import os
import sys

sys.stdout.write(f"{[name for name in os.environ if '0123456789' in os.environ[name]]}\n")
sys.stdout.flush()
sys.stdin.read()
