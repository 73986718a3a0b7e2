"""Installed as `hydra_plugins.distexp` as well, the one place from where Hydra takes plugins."""

from distexp.sweep.launcher import OneScheduleLauncher, OneScheduleSweeper

__all__ = ["OneScheduleLauncher", "OneScheduleSweeper"]
