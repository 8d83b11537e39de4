"""From a submitted export to a verified file on the disk.

The modules in the order in which a run uses them:

- ``destination`` decides where the zip will be saved, before anything is sent; ``file_names`` makes the names safe.
- ``submit`` starts a job exactly once, and ``poll`` watches it until it ends with an upload item.
- ``download`` saves the item: ``fetch`` writes its bytes into a part file (``part_file``) and reads in the headers what
  the response promises (``range_response``), ``verify_zip`` checks the zip, ``confirmation`` checks whose it is if the
  job was found by a search, and ``publish`` gives the file its final name.
- ``extract_zip`` unpacks it.
- ``disk`` turns refusals of the operating system into errors that say what to do.

The package knows the API through ``submit`` and the two protocols ``Jobs`` and ``ItemSource``, and the ledger through
``submit``. It does not know the command line: progress and retries are told to callbacks. When to try again is decided
in ``hcexport.retry``, how a private file is made in ``hcexport.files``. Why a download begins again at byte 0 is in
``fetch``.

A rule of what may be unpacked is a row in ``extract_zip._check_name``; a check of a zip's structure belongs into
``verify_zip.open_zip``; a new operation to submit is a function beside ``submit.export_of``.
"""
