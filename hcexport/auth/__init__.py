"""Everything about getting, keeping and renewing a token.

``sign_in`` decides where the token of a command comes from; every way to a token is one function there. ``oauth`` and
``generate_token`` ask the organization for tokens, ``passwords`` finds passwords. ``credentials`` keeps the secrets of
an account, in one of the ``secret_stores``, with what else is known about them beside it.

This package knows the API's session and the settings. It does not know the command line: what asks a person is handed
to it as a function.

To add a way to sign in, write a function in ``sign_in`` that returns a TokenSource, and give it its place in
``sources``. To add a place for secrets, write a class with the methods of ``tokens.SecretStore`` and name it in
``credentials.secret_store`` and in the row ``store`` of the settings.
"""
