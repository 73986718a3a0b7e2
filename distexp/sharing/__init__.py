"""A run as one file, and the run made again from it: offline, without keys, byte for byte.

A bundle is a parcel (`distexp.sharing.parcel`) of the answers that the run rests on, of its configuration
and of everything that it left; of the human data where their licence allows. `packing` writes
one, `rerun` makes the run again from nothing but what is in it, `comparing` finds what differs.
"""
