"""The same arithmetic on every x86-64 processor of the last decade.

NumPy and OpenBLAS pick, when they are loaded, code for the processor at hand. The picks differ in
the last bit of sums and logarithms, which decides ties of decision trees: gradient boosting on
gss2018 has a W1 of 0.183 with AVX-512 and of 0.180 without.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path

KERNEL = "Haswell"
"""OpenBLAS's code for the first processors with AVX2, of 2013; AMD's Zen runs the same."""
LATER = {
    (2, 4): "X86_V4 AVX512_ICL AVX512_SPR",
    (2, 0): "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}
"""What NumPy calls all that processors learnt later, by the version that began to call it so."""

_PROCESSOR = Path("/proc/cpuinfo")


def make_portable() -> None:
    """Ask NumPy and OpenBLAS, which must not be loaded yet, for the same code everywhere.

    What the environment already says stays, and processors of another kind are left alone.
    """
    if "numpy" not in sys.modules and {"avx2", "fma"} <= _flags():
        numpy = tuple(map(int, version("numpy").split(".")[:2]))
        os.environ.setdefault("OPENBLAS_CORETYPE", KERNEL)
        os.environ.setdefault(
            "NPY_DISABLE_CPU_FEATURES", next(names for of, names in LATER.items() if numpy >= of)
        )


def arithmetic() -> str:
    """Say which code is in use: results of equal ones are equal in every bit."""
    import platform

    from threadpoolctl import threadpool_info

    kernels = {str(lib.get("architecture")) for lib in threadpool_info() if _is_blas(lib)}
    return " ".join([platform.machine(), *sorted(kernels)])


def _is_blas(library: dict[str, object]) -> bool:
    return library["user_api"] == "blas"


def _flags() -> set[str]:
    """Return what the first processor can do; nothing where the system does not say."""
    try:
        with _PROCESSOR.open() as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return set()
    return set(flags.split())
