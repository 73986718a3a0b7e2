"""The cache on a disk: one SQLite file, read without changing it and written whole or not at all."""
