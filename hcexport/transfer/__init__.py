"""From a job on the server to a verified file here.

In the order of running: ``submit`` and ``polling`` end with a job and its upload item; ``destination`` has settled
before them where the zip will stand. ``download`` then fetches (``fetch``; what an answer promises is read in
``source``, how long to persist in ``retry``) into a part file (``parts``; what earlier runs left is in ``leftovers``),
checks it (``archive``, with what a ``follower`` has summed up meanwhile) and gives it its name (``publish``).
``extraction`` unpacks it, if all of its ``members`` may be.
"""
