"""What a failed call becomes: an error that may pass, or one that is final."""

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from distexp.errors import (
    ModelError,
    RefusedPromptError,
    ThrottledError,
    TransientModelError,
    UnusableReplyError,
)
from distexp.model.http.retry_after import retry_after_s
from distexp.model.http.secrets import Secrets
from distexp.model.http.verdicts import Verdict, asked_in_words_s, verdict
from distexp.visible import sentence

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
        self,
        status: int | None,
        reason: str,
        headers: Mapping[str, str] | None = None,
        asked_s: float | None = None,
    ) -> ModelError:
        """Return the error for a reply that says no.

        Parameters
        ----------
        status : int or None
            Its HTTP status, or the one that its body names; None where it is not known.
        reason : str
            What the server says.
        headers : mapping, optional
            Of the reply.
        asked_s : float, optional
            How long its body asks to be left alone, in seconds.
        """
        said = self._said(reason)
        pause_s = retry_after_s(headers or {})
        if pause_s is None:
            pause_s = asked_in_words_s(reason) if asked_s is None else asked_s
        means = verdict(status, reason, retry=pause_s is not None)
        if means in (Verdict.WAIT, Verdict.AGAIN):
            kind = ThrottledError if means is Verdict.WAIT else TransientModelError
            msg = f"{self._where} failed with status {status or 'unknown'}: {said}"
            return kind(msg, retry_after_s=pause_s)
        if means is Verdict.QUOTA:
            return ModelError(f"{self._where} has no quota left: {said}")
        msg = f"{self._where} refused the request with status {status or 'unknown'}: {said}"
        if means in (Verdict.PROMPT, Verdict.UNSURE):
            certain = means is Verdict.PROMPT
            return RefusedPromptError(msg, said=said or f"status {status}", certain=certain)
        return ModelError(msg)

    def within(self, status: int | None, said: str, asked_s: float | None) -> ModelError:
        """Return the error that stands in a reply of status 200; see `refused`.

        A fault that may pass is one of this call alone, for the server is there.
        """
        error = self.refused(status, said, asked_s=asked_s)
        if type(error) is not TransientModelError:
            return error
        return UnusableReplyError(str(error), said=self._said(said))

    def redirected(self, status: int, address: str, target: str | None) -> ModelError:
        """Return the error for a reply that sends the caller elsewhere, where nobody goes."""
        try:
            parts = urlsplit(urljoin(address, target or ""))
        except ValueError:
            parts, target = urlsplit(address), None
        host = parts.netloc.rpartition("@")[2]
        path = re.sub(r"/chat/completions/?$", "", parts.path)
        shown = parts._replace(netloc=host, path=path, query="", fragment="").geturl()
        where = f"to {shown}" if target else "and does not say where to"
        return ModelError(
            f"{self._where} is redirected (status {status}) {self._said(where)}. A redirect is "
            "not followed: prompts and keys would go to another address than the one that the "
            "cache names."
            + (f" If it is the right one, give model.api_base={self._said(shown)}." * bool(target))
        )

    def not_found(self, reason: str, api_base: str, offered: list[str] | None) -> ModelError:
        """Return the error for an address or model that the server does not know.

        Parameters
        ----------
        reason : str
            What the server says.
        api_base : str
            The address that was called.
        offered : list of str or None
            Models that the server lists; None where it lists none.
        """
        advice = "Check model.api_base"
        if not api_base.rstrip("/").endswith("/v1"):
            advice += f", which mostly ends in /v1 ({api_base.rstrip('/')}/v1)"
        advice += f", and model.name ({self.name})."
        if offered:
            named = ", ".join(offered[:20]) + ", ..." * (len(offered) > 20)
            advice += f" The server offers: {self._said(named)}."
        said = sentence(self._said(reason))
        return ModelError(f"{self._where} refused the request with status 404: {said} {advice}")

    def unusable(self, reason: str) -> UnusableReplyError:
        """Return the error for a reply that came and holds no answer that can be used."""
        said = self._said(reason)
        return UnusableReplyError(f"{self._where} sent no whole answer: {said}", said=said)

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
        text = reason.encode(errors="replace").decode()  # half a surrogate pair has no UTF-8
        return self.secrets.struck(" ".join(text.split()))[:LONGEST_REASON]
