"""The cache on a disk: one SQLite file, read without changing it, with no pickle and no eviction.

In come requests and records; out go records whose digest was checked. The layout of the database
is a contract with every cache that exists.
"""
