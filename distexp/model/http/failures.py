"""What a failed call becomes: an error that may pass, or one that is final."""

from collections.abc import Mapping

from distexp.errors import ModelError, ThrottledError, TransientModelError
from distexp.model.http.redaction import Secrets
from distexp.model.http.retry_after import retry_after_s

THROTTLED_STATUS = frozenset({429, 503, 529})
"""HTTP statuses by which a server says that it gets too many calls."""
PASSING_STATUS = THROTTLED_STATUS | {408, 409, 425, 500, 502, 504}
"""HTTP statuses after which the same request may succeed."""

QUOTA_SIGNS = ("insufficient_quota", "exceeded your current quota", "credit balance is too low")
"""What providers say when an account is empty; some of them with the status of a rate limit."""

CONTEXT_SIGNS = ("context_length_exceeded", "maximum context length", "exceed_context_size")
"""What servers say of a prompt that is too long; some of them with the status of a fault."""

LONGEST_REASON = 300


class Failures:
    """Turns the failures of calls to one model into errors that name it.

    Parameters
    ----------
    name : str
        The model.
    api_base : str, optional
        Where it is served.
    secrets : Secrets, optional
        The key and the like; some servers repeat it in what they say, where it is struck out.
    """

    def __init__(
        self, name: str, api_base: str | None = None, secrets: Secrets | None = None
    ) -> None:
        self.name = name
        self.secrets = secrets or Secrets([])
        self._where = f"Model {name}" + (f" at {api_base}" if api_base else "")

    def refused(
        self, status: int | None, reason: str, headers: Mapping[str, str] | None = None
    ) -> ModelError:
        """Return the error for a reply whose HTTP status says no.

        Parameters
        ----------
        status : int or None
            None where it is not known.
        reason : str
            What the server says.
        headers : mapping, optional
            Of the reply.
        """
        said = self._said(reason)
        if any(sign in reason for sign in QUOTA_SIGNS):
            return ModelError(f"{self._where} has no quota left: {said}")
        too_long = any(sign in reason for sign in CONTEXT_SIGNS)
        if too_long or not (status is None or status in PASSING_STATUS):
            return ModelError(f"{self._where} refused the request with status {status}: {said}")
        kind = ThrottledError if status in THROTTLED_STATUS else TransientModelError
        return kind(
            f"{self._where} failed with status {status}: {said}",
            retry_after_s=retry_after_s(headers or {}),
        )

    def unreachable(self, reason: str) -> TransientModelError:
        """Return the error for a connection that cannot be made."""
        return TransientModelError(
            f"{self._where} cannot be reached. Check that the server runs and model.api_base is "
            f"right. ({self._said(reason)})"
        )

    def untrusted(self, reason: str) -> ModelError:
        """Return the error for a server whose certificate is not accepted."""
        return ModelError(
            f"{self._where} has a certificate that is not trusted: {self._said(reason)} The "
            "environment variable SSL_CERT_FILE names a file of certificates to trust."
        )

    def broken(self, reason: str) -> TransientModelError:
        """Return the error for an answer that did not come, or came in pieces."""
        return TransientModelError(f"{self._where} sent no whole answer: {self._said(reason)}")

    def _said(self, reason: str) -> str:
        """Return what the server said, in one line and without the key."""
        return self.secrets.struck(" ".join(reason.split()))[:LONGEST_REASON]
