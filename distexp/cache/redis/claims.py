"""One question, one payer, among all that ask one Redis server.

A claim is an entry that goes by itself after `lease_s`, unless its owner, while it lives, has
renewed it. It holds a token that nobody else has, so an owner that slept through its lease cannot
take away the claim of the next.
"""

import os
import secrets
import threading
from contextlib import suppress

from distexp.cache.redis.server import Server
from distexp.errors import CacheError

LEASE_S = 30.0
"""How long the claim of a process that died stands in the way, in seconds."""

# Each is given the names of claims, and the lease in milliseconds followed by their tokens.
_TAKE = """
local taken = {}
for place, name in ipairs(KEYS) do
    if redis.call('SET', name, ARGV[place + 1], 'NX', 'PX', ARGV[1])
    or redis.call('GET', name) == ARGV[place + 1] then -- sent again: its answer was lost
        taken[#taken + 1] = place
    end
end
return taken
"""
_RENEW = """
for place, name in ipairs(KEYS) do
    local owner = redis.call('GET', name)
    if not owner or owner == ARGV[place + 1] then
        redis.call('SET', name, ARGV[place + 1], 'PX', ARGV[1])
    end
end
"""
_DROP = """
for place, name in ipairs(KEYS) do
    if redis.call('GET', name) == ARGV[place + 1] then redis.call('DEL', name) end
end
"""


class Claims:
    """The claims of one cache.

    Parameters
    ----------
    server : Server
    prefix : str
        What the names of the claims begin with.
    lease_s : float
        How long a claim lasts unless it is renewed, in seconds.
    """

    def __init__(self, server: Server, prefix: str, lease_s: float) -> None:
        self._server = server
        self._prefix = prefix
        self._lease_s = lease_s
        self._forget()

    def take(self, *keys: str) -> set[str]:
        """Claim keys, and return those that no other is asking for.

        Raises
        ------
        CacheError
            If the server cannot be asked.
        """
        if self._owner != os.getpid():
            self._forget()  # the parent's claims came along when it forked
        tokens = {key: secrets.token_hex(16) for key in keys if key not in self._tokens}
        if not tokens:
            return set()
        names = list(tokens)
        taken = {names[place - 1] for place in self._run(_TAKE, tokens)}
        if taken:
            with self._lock:
                self._tokens |= {key: tokens[key] for key in taken}
            self._keep_renewing()
        return taken

    def drop(self, *keys: str) -> None:
        """Let go of keys; others may claim them. What cannot be dropped goes by itself."""
        if self._owner != os.getpid():
            return
        with self._lock:  # else a renewal under way would bring them back
            dropped = {key: self._tokens.pop(key) for key in keys if key in self._tokens}
            if dropped:
                with suppress(CacheError):
                    self._run(_DROP, dropped, hasty=True)

    def close(self) -> None:
        """Let go of everything."""
        self._ending.set()
        self.drop(*self._tokens)
        if self._thread is not None and self._owner == os.getpid():
            self._thread.join()
        self._forget()

    def _forget(self) -> None:
        self._owner = os.getpid()
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def _keep_renewing(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._renew, args=(self._ending,), name="distexp-claims", daemon=True
            )
            self._thread.start()

    def _renew(self, ending: threading.Event) -> None:
        while not ending.wait(self._lease_s / 3):
            with self._lock:
                if self._tokens:
                    with suppress(CacheError):  # who stores the answer finds out, and says so
                        self._run(_RENEW, self._tokens, hasty=True)

    def _run(self, script: str, tokens: dict[str, str], hasty: bool = False) -> list[int]:
        """Run a script on the claims of some keys."""
        names = [f"{self._prefix}{key}" for key in tokens]
        arguments = [round(1000 * self._lease_s), *tokens.values()]
        with self._server.plain_errors():
            client = self._server.hasty_client() if hasty else self._server.client()
            places: list[int] = client.register_script(script)(keys=names, args=arguments)
        return places
