"""The cache on a Redis server that machines share.

In and out goes what goes in and out of the cache on a disk, checked by the same tests.
"""
