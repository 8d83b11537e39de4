"""Pure HTTP: requests to one organization, and what its answers mean.

``client`` has one method an endpoint. It sends through ``session``, which puts the token into a request, follows
redirects (``redirects``) and tries again what may pass. ``http`` sends with httpx over ``network``, whose sockets keep
a deadline; ``tls`` says what is trusted, and ``proxy`` which proxy is used. ``body`` reads an answer within limits,
``responses`` decides what it means, and ``diagnose`` finds out why a refusal came.

The package knows nothing of where tokens come from or are kept, of files, and of what is printed: notices and warnings
go to callbacks. httpx and httpcore are named in ``http`` and ``network`` alone. A new form of refusal goes to
``responses``, a new form of a page of reports to ``report_pages``, a new endpoint to ``client``.
"""
