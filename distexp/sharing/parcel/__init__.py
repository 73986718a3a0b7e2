"""Zip files that list what they hold: the same bytes for the same content, read with suspicion.

A parcel's member `manifest.json` says what it is and, for each other member, how many bytes it
has and their SHA-256. Anyone may have written a parcel, so a name, a size or a digest is believed
only after it was checked, and nothing in it is ever executed.
"""

from distexp.sharing.parcel.reading import Parcel, opened
from distexp.sharing.parcel.writing import MANIFEST, ParcelWriter, writing

__all__ = ["MANIFEST", "Parcel", "ParcelWriter", "opened", "writing"]
