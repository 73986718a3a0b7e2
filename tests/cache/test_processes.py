import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from distexp.cache import ResponseCache
from distexp.cache.disk.reader import Reader, StayingReader
from tests.cache.answers import Opener, ask, put, text_of

WRITER = """
import sys
from pathlib import Path
from distexp.cache import ResponseCache
from distexp.request import Request
from distexp.request import Response

name, folder, start, stop = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
cache = ResponseCache(folder)
for number in range(start, stop):
    request = Request(
        provider="openai",
        model="gpt-4o-mini",
        endpoint=None,
        body={"messages": [{"role": "user", "content": f"How much? {number}"}]},
    )
    response = Response(text=f"{name} {number}", finish_reason="stop")
    record = cache.put(request, response, latency_s=1, attempts=1, versions={})
    print(record.response.text, flush=True)
    if name == "closing" and number % 7 == 0:
        cache.close()
cache.close()
"""


class Process:
    """A process that stores answers to `numbers` once it is told to."""

    def __init__(self, name: str, folder: Path, numbers: range) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", WRITER, name, folder, str(numbers.start), str(numbers.stop)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "ready"

    def go(self) -> None:
        """Let it start."""
        assert self.popen.stdin is not None
        self.popen.stdin.write("go\n")
        self.popen.stdin.flush()

    def line(self) -> str:
        """Wait for the next line that it prints."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def end(self) -> tuple[list[str], str]:
        """Wait for its end and return what else it printed, and what it complained of."""
        printed, complaints = self.popen.communicate(timeout=300)
        return printed.splitlines(), complaints


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[str, range], Process]]:
    """Return a function that starts processes, which are killed when the test ends."""
    processes = []

    def starter(name: str, numbers: range) -> Process:
        processes.append(Process(name, folder, numbers))
        return processes[-1]

    yield starter
    for process in processes:
        process.popen.kill()
        process.popen.communicate()


Starter = Callable[[str, range], Process]


def test_two_processes_write_at_once(start: Starter, opened: Opener) -> None:
    """They make the cache together and lose nothing; to equal requests one answer is given."""
    numbers = {"left": range(200), "right": range(100, 300)}
    processes = {name: start(name, each) for name, each in numbers.items()}

    for process in processes.values():
        process.go()
    outputs = {name: process.end() for name, process in processes.items()}

    stored = opened("replay").get_many([ask(number) for number in range(300)])
    for name, (given, complaints) in outputs.items():
        assert complaints == ""
        assert given == [stored[ask(number).key].response.text for number in numbers[name]]
    assert len(stored) == 300


def test_reading_while_another_process_comes_and_goes(start: Starter, opened: Opener) -> None:
    """A writer that opens, writes back its log and closes in the middle of a read harms none."""
    process = start("closing", range(300))
    reader, requests, counts = opened("replay"), [ask(number) for number in range(300)], [0]

    process.go()
    while process.popen.poll() is None:
        counts.append(len(reader.get_many(requests)))

    assert process.end()[1] == ""
    assert counts == sorted(counts)
    assert len(set(counts)) > 2
    assert len(reader.get_many(requests)) == 300


@pytest.mark.parametrize("kind", [Reader, StayingReader])
def test_what_was_read_while_a_writer_came_and_went_is_read_again(
    kind: type[Reader], filled: Path
) -> None:
    """A lock-free read counts only if the file is the same after it; here it is not, once."""

    class OvertakenReader(kind):  # type: ignore[valid-type,misc]
        """Is overtaken by another process between its first read and the look back."""

        looks = 0

        def state(self) -> tuple[int, ...] | None:
            self.looks += 1
            if self.looks == 2:
                with closing(ResponseCache(filled)) as other:
                    put(other, ask(10))
            return super().state()  # type: ignore[no-any-return]

    keys = [ask(number).key for number in range(11)]
    with closing(OvertakenReader(filled)) as reader:
        (found,) = reader.by_key("key", keys)
    assert {key for (key,) in found} == set(keys)


def test_a_killed_process_loses_no_answer_that_it_reported(
    folder: Path, start: Starter, opened: Opener
) -> None:
    """After kill -9 all stored answers are read, and the next process writes on."""
    process = start("killed", range(1_000_000))

    process.go()
    reported = [process.line() for _ in range(150)]
    process.popen.kill()
    reported += process.end()[0][:-1]  # the last line may be cut

    assert process.popen.returncode == -signal.SIGKILL
    names = sorted(path.name for path in folder.iterdir())
    requests = [ask(number) for number in range(len(reported))]
    stored = opened("replay").get_many(requests)
    assert [stored[request.key].response.text for request in requests] == reported
    assert sorted(path.name for path in folder.iterdir()) == names
    put(opened(), ask(-1), "went on")
    assert text_of(opened(), ask(-1)) == "went on"
    assert len(opened().known(requests)) == len(reported)
