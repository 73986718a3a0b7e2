"""Measures what Hydra costs before a job of a sweep begins, with its own launcher and with ours.

The jobs do nothing: all of the time goes into composing their configurations and setting them up.

    python benchmarks/hydra_jobs.py [--jobs 300]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HYDRAS_OWN = ("hydra/launcher=basic", "hydra/sweeper=basic")
APP = """
import hydra
from distexp import launcher

@hydra.main(version_base="1.3", config_path="pkg://distexp.conf", config_name="config")
def job(config):
    pass

launcher.register()
job()
"""


def main() -> None:
    """Run both sweeps, and print the processor time of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=300)
    options = parser.parse_args()
    own, ours = cpu_s(options.jobs, *HYDRAS_OWN), cpu_s(options.jobs)
    print(f"| {options.jobs} jobs that do nothing | CPU a job, s | all, s |")
    print("|---|---|---|")
    for name, seconds in (("Hydra's launcher", own), ("distexp's launcher", ours)):
        print(f"| {name} | {seconds / options.jobs:.3f} | {seconds:.1f} |")


def cpu_s(n_jobs: int, *launcher: str) -> float:
    """Return the processor time of a sweep, start of the program included, in seconds."""
    # Half of the jobs differ in a group of the configuration, half in a value.
    sweep = ["calibrator=ridge,[ridge,lasso]", f"evaluation.seed=range({n_jobs // 2})"]
    before = used_s()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "app.py"
        script.write_text(APP)
        subprocess.run(
            [sys.executable, str(script), "-m", "model=mock", *sweep, *launcher],
            cwd=folder,
            env=os.environ | {"HYDRA_FULL_ERROR": "1"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return used_s() - before


def used_s() -> float:
    """Return the processor time of all processes that this one has waited for, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
