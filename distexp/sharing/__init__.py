"""What is passed on: a run as one file, and the run made again from it, offline, without keys.

In come the folder of a run and the cache; out goes a bundle, an archive of answers, or a list of
what differs. A bundle is a parcel (`distexp.sharing.parcel`) of the answers that the run rests
on, of its configuration and of everything that it left; of the human data where their licence
allows. `packing` writes one, `rerun` makes the run again from nothing but what is in it,
`comparing` finds what differs. What a parcel holds is believed only after it was checked.
"""
