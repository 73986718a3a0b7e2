"""The same numbers on other processors, as far as one processor can tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import hashlib, numpy as np
from distexp.arithmetic import arithmetic
rng = np.random.default_rng(0)
matrix, row = rng.random((60, 60)), rng.random(10_000)
found = matrix @ matrix, np.linalg.inv(matrix), np.log(row), np.exp(row)
bits = b"".join(numbers.tobytes() for numbers in found)
print(arithmetic(), hashlib.sha256(bits).hexdigest())
"""
PROCESSOR = Path("/proc/cpuinfo")


def said(code: str = f"import distexp{CODE}", **environment: str) -> list[str]:
    """Return what a new process says about its arithmetic, and a digest of what it computed."""
    without = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**without, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.rsplit(maxsplit=1)


def flags() -> str:
    """Return what the processor can do."""
    return PROCESSOR.read_text() if PROCESSOR.exists() else ""


needs_avx2 = pytest.mark.skipif("avx2" not in flags(), reason="the processor has no AVX2")


@needs_avx2
def test_whatever_imports_distexp_computes_as_all_processors_with_avx2_do() -> None:
    """Told to be one of AMD's, it gives the same bits; warnings are errors here."""
    plain = said()

    assert plain[0] == "x86_64 Haswell"
    assert said(OPENBLAS_CORETYPE="Zen")[1] == plain[1]


@needs_avx2
@pytest.mark.skipif("avx512" not in flags(), reason="the processor has nothing to leave unused")
def test_without_it_this_processor_would_compute_otherwise() -> None:
    """With NumPy loaded first, it is too late to choose."""
    assert said(f"import numpy, distexp{CODE}")[1] != said()[1]


@needs_avx2
def test_what_the_environment_says_stays() -> None:
    """Who wants the code of another processor gets it, and the provenance says so."""
    assert said(OPENBLAS_CORETYPE="Nehalem")[0] == "x86_64 Nehalem"
