"""Pages for people: one HTML file of a run, a sweep or a folder of runs, made from tables alone.

In come the files of run folders; out goes a page that needs no server, no network and no other
file. Its data are JSON, drawn by the scripts in `static`, which put every text into text nodes.
Charts are SVG made there: the same in light and dark, on paper and for a screen reader, at a
twentieth of the size of a charting library. Looks and order may change without asking next door.
"""
