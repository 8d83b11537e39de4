"""Make the TLS context of a connection, and explain why a handshake failed."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from hcexport.errors import CertificateError, ConfigError


@dataclass(frozen=True)
class TlsOptions:
    """CA bundle, client certificate and key as PEM files; ``verify`` is off only with ``--insecure``."""

    ca_bundle: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    verify: bool = True


def make_context(options: TlsOptions) -> ssl.SSLContext:
    """Make a context that trusts the CA bundle where it is given, otherwise the system's store.

    Raises ConfigError naming a file that is missing or cannot be used.
    """
    context = _make_verifying_context(options)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.client_cert:
        _load(context, options.client_cert, options.client_key)
    elif options.client_key:
        raise ConfigError("a client key is given without its certificate", hint="add --client-cert FILE")
    return context


def _make_verifying_context(options: TlsOptions) -> ssl.SSLContext:
    if not options.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if options.ca_bundle is None:
        import truststore  # noqa: PLC0415 # start-up: only a TLS connection needs it

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _check_named_store(context)
        return context
    try:
        return ssl.create_default_context(
            cafile=None if options.ca_bundle.is_dir() else str(options.ca_bundle),
            capath=str(options.ca_bundle) if options.ca_bundle.is_dir() else None,
        )
    except (OSError, ssl.SSLError) as error:
        text = f"the CA bundle {options.ca_bundle} cannot be used: {_reason(error)}"
        raise ConfigError(text, hint="it has to be a readable file or folder of certificates in PEM") from None


def _check_named_store(context: ssl.SSLContext) -> None:
    """Refuse an SSL_CERT_FILE that cannot be used, because OpenSSL ignores it silently and trusts others."""
    path = os.environ.get("SSL_CERT_FILE")
    if not path:
        return
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        text = f"SSL_CERT_FILE={path} cannot be used: {_reason(error)}"
        raise ConfigError(text, hint="it has to be a readable file of certificates in PEM, or unset") from None


def _load(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    def refuse_to_prompt() -> str:
        raise ConfigError(
            f"the client key {key or cert} has a passphrase", hint="give a key without one, in a 0600 file"
        )

    try:
        context.load_cert_chain(cert, key, password=refuse_to_prompt)
    except (OSError, ssl.SSLError) as error:
        text = f"the client certificate {cert} cannot be used: {_reason(error)}"
        raise ConfigError(
            text, hint="certificate and key have to be readable files in PEM, and belong together"
        ) from None


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "it is not PEM" if "PEM" in str(error) or not error.reason else error.reason.lower().replace("_", " ")
    return (error.strerror or str(error)).lower()


# OpenSSL's verify codes (openssl/x509_vfy.h), as far as administrators meet them.
_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED = {18}
_UNKNOWN_CA = {2, 19, 20, 21}
_WRONG_HOST = {62, 64}
_WEAK = {66, 67, 68}


def certificate_failure(error: BaseException, host: str, *, has_answered: bool = False) -> CertificateError | None:
    """Explain a failure that TLS caused, None for any other failure.

    It is retryable where the host ``has_answered`` well over TLS before, because an ingress that reloads sends alerts
    and shows other certificates. Then an alert does not demand a client certificate either.

    With TLS 1.3 the demand for a client certificate arrives only in the first read, so the whole chain of causes is
    read. Such a request counts as unsent although it was written, because the server ended the handshake before it.
    """
    cause = _ssl_cause(error)
    if cause is None or isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError):
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        failure = _explain_distrust(cause, host)
    elif has_answered:
        failure = CertificateError(f"TLS with {host} failed: {_words(cause)}")
    else:
        failure = _explain_refusal(cause, host)
    failure.retryable = has_answered
    return failure


def _explain_refusal(cause: ssl.SSLError, host: str) -> CertificateError:
    """Explain a first handshake that failed for another reason than the host's certificate."""
    reason = (cause.reason or str(cause)).upper()
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return CertificateError(
            f"{host} demands a client certificate",
            hint="give one with --client-cert FILE --client-key FILE",
            unsent=True,
        )
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason or "ACCESS_DENIED" in reason):
        return CertificateError(
            f"{host} refused the client certificate ({_words(cause)})", hint="check --client-cert", unsent=True
        )
    is_plain = "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason
    hint = "does something that speaks http listen there? check the port" if is_plain else None
    return CertificateError(f"TLS with {host} failed: {_words(cause)}", hint=hint)


def client_certificate_refused_by_proxy(status: int, body: bytes) -> CertificateError | None:
    """Recognise nginx's page about a client certificate: nginx completes the handshake and answers with HTTP 400."""
    if status != 400 or b"SSL certificate" not in body:
        return None
    demanded = b"No required" in body
    message = "the server demands a client certificate" if demanded else "the server refused the client certificate"
    return CertificateError(message, hint="give one with --client-cert FILE --client-key FILE", unsent=True)


def _explain_distrust(error: ssl.SSLCertVerificationError, host: str) -> CertificateError:
    code = error.verify_code
    if code in {_EXPIRED, _NOT_YET_VALID}:
        when = "has expired" if code == _EXPIRED else "is not valid yet"
        return CertificateError(
            f"the certificate of {host} {when}", hint="have it renewed; check this machine's clock as well"
        )
    if code in _WRONG_HOST:
        return CertificateError(
            f"the certificate of {host} is for another name",
            hint="use the name that is in the certificate, as in the organization's public address",
        )
    if code in _SELF_SIGNED:
        return CertificateError(
            f"the certificate of {host} is self-signed", hint="trust it with --ca-bundle FILE (the certificate in PEM)"
        )
    if code in _WEAK:
        return CertificateError(
            f"the certificate of {host} is too weak ({error.verify_message})", hint="have it renewed"
        )
    if code in _UNKNOWN_CA:
        return CertificateError(
            f"the certificate of {host} is from a CA that this machine does not trust",
            hint="trust it with --ca-bundle FILE (the CA in PEM), or add it to the system's store",
        )
    return CertificateError(f"the certificate of {host} is not trusted: {error.verify_message or error}")


def _ssl_cause(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _words(error: ssl.SSLError) -> str:
    return (error.reason or "unknown reason").lower().replace("_", " ")
