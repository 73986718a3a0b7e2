"""Further situations of the same kinds, in other tags, words, files and scripts."""

from tests.situations.scene import Situation

FURTHER: tuple[Situation, ...] = ()
