"""Codebooks drafted from what a survey's file says of itself, and checked against it.

In comes a file; out goes the text of a codebook that runs, with a comment where a person has to
decide. What is proposed may change here without asking next door; what a codebook may hold may
not (`distexp.dataset.files.codebook`).
"""
