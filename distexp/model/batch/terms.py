"""On what terms a model is asked in batches: all that is needed to collect one somewhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from distexp.errors import ModelError
from distexp.model.batch.native import ENDPOINTS, native_body, read_native
from distexp.model.batch.wire import Endpoint
from distexp.model.http.failures import Failures
from distexp.model.http.secrets import Secrets
from distexp.model.litellm_body import is_plain
from distexp.model.prices import import_litellm
from distexp.request import Json, Request, Response


@dataclass(frozen=True)
class Terms:
    """How a model is asked in batches; no secret is in it."""

    provider: str
    name: str
    api_base: str | None
    api_key_env: str | None
    price: tuple[float, float] | None
    """USD for a token of a prompt and of a reply, in a batch; None where it is not known."""
    left_out: tuple[str, ...] = ()
    """Fields of a body that are not sent: the server was found to refuse or ignore them."""

    def about(self) -> dict[str, Any]:
        """Return what is kept beside a batch."""
        dropped = {"left_out": list(self.left_out)} if self.left_out else {}
        return {**self._where(), "price": self.price and list(self.price), **dropped}

    def _where(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "name": self.name,
            "api_base": self.api_base,
            "api_key_env": self.api_key_env,
        }

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> Self:
        """Read what `about` wrote."""
        price = about.get("price")
        return cls(
            provider=str(about["provider"]),
            name=str(about["name"]),
            api_base=about.get("api_base"),
            api_key_env=about.get("api_key_env"),
            price=(float(price[0]), float(price[1])) if price else None,
            left_out=tuple(map(str, about.get("left_out") or ())),
        )

    def made(self, about: Mapping[str, Any]) -> bool:
        """Tell whether a batch was made on these terms, whatever the price was."""
        where = self._where()
        return all(about.get(name) == where[name] for name in ("provider", "name", "api_base"))

    @cached_property
    def failures(self) -> Failures:
        """Makes errors that name the model, without the key."""
        return Failures(self.name, self.api_base, Secrets([self._key]))

    @property
    def _key(self) -> str | None:
        return os.environ.get(self.api_key_env) if self.api_key_env else None

    def endpoint(self) -> Endpoint:
        """Return the endpoint, with the key that the environment has now.

        Raises
        ------
        ModelError
            If it has none.
        """
        if self.api_key_env and not self._key:
            msg = f"Model {self.name} needs an API key: set {self.api_key_env}."
            raise ModelError(msg)
        return ENDPOINTS[self.provider](self.api_base, self._key, self.failures)

    def body(self, request: Request) -> dict[str, Json]:
        """Return what a batch holds of a request.

        Raises
        ------
        ModelError
            If litellm would have to drop a part of it.
        """
        if any(name in request.body for name in self.left_out):
            kept = {k: v for k, v in request.body.items() if k not in self.left_out}
            request = replace(request, body=kept)
        if self.provider == "openai" and is_plain(self.name, request.body):
            return native_body(self.name, request)  # without litellm, which takes seconds
        import openai

        try:
            return native_body(self.name, request)
        except openai.APIError as exc:
            said = " ".join(str(exc).split())[:300]
            msg = f"Model {self.name} cannot be asked so in a batch: {said}"
            raise ModelError(msg) from exc

    def read(self, request: Request, reply: Mapping[str, Any]) -> Response:
        """Read a reply out of a batch."""
        return read_native(self.name, request, reply, self.failures, self.price)

    def prepare(self) -> None:
        """Import what reading and writing needs."""
        if self.provider != "openai":
            import_litellm()
