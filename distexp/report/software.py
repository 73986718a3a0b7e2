"""Which software the numbers of a run depend on."""

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from distexp.metrics.ties import DIGITS

PACKAGES = (
    "distexp", "diskcache", "hydra-core", "litellm", "numpy", "polars", "scikit-learn", "scipy",
    "xllamacpp",
)  # fmt: skip


def software() -> dict[str, str]:
    """Return the version of everything that could make a number another, by name."""
    versions = {
        "python": platform.python_version(),
        "arithmetic": arithmetic(),
        "ties": f"{DIGITS} digits",
    }
    with contextlib.suppress(AttributeError, ValueError):  # outside Linux
        versions["libc"] = os.confstr("CS_GNU_LIBC_VERSION") or ""
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):  # an extra that is not installed
            versions[package] = version(package)
    return versions


def arithmetic() -> str:
    """Say which code for this processor is in use: other code may move the last digits."""
    from threadpoolctl import threadpool_info

    kernels = {
        str(library.get("architecture"))
        for library in threadpool_info()
        if library["user_api"] == "blas"
    }
    return " ".join([platform.machine(), *sorted(kernels)])
