"""Installed as `hydra_plugins.distexp` as well, the one place from where Hydra takes plugins."""

from distexp.sweep.launcher import OneScheduleLauncher, OneScheduleSweeper
from distexp.sweep.on_ray import RayLauncher

__all__ = ["OneScheduleLauncher", "OneScheduleSweeper", "RayLauncher"]
