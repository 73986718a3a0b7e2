"""The cache on a Redis server that machines share."""
