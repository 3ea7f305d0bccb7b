"""Limits the memory of a process as Kubernetes does: by a cgroup. Needs root and the memory controller."""

import os
import pathlib
from contextlib import contextmanager

ROOT = pathlib.Path("/sys/fs/cgroup")
# Of version 1 and 2: where the controller is, and the files of the limit and of the counts.
VERSIONS = [
    (ROOT / "memory", "memory.limit_in_bytes", "memory.oom_control"),
    (ROOT, "memory.max", "memory.events"),
]


class MemoryLimit:
    def __init__(self, group, counts):
        self.group, self.counts = group, counts
        # Moves itself into the group before it becomes the program, so that all of its memory counts.
        self.launcher = ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"))

    def kills(self):
        """Returns how many processes were killed because the limit was reached."""
        lines = (self.group / self.counts).read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


@contextmanager
def memory_limit(mib):
    """Yields a limit that holds for processes started with its launcher, or the reason why there is none."""
    try:
        limit = created(mib)
    except OSError as error:
        yield f"a cgroup cannot be created: {error}"
        return
    if limit is None:
        yield f"there is no memory controller in {ROOT}"
        return
    try:
        yield limit
    finally:
        limit.group.rmdir()


def created(mib):
    """Creates a group, if there is a memory controller."""
    for parent, limit, counts in VERSIONS:
        if not (parent / "cgroup.procs").exists():
            continue
        group = parent / f"tenant-registry-rehearsal-{os.getpid()}"
        group.mkdir()
        if (group / limit).exists():
            (group / limit).write_text(str(mib * 1024 * 1024), encoding="ascii")
            return MemoryLimit(group, counts)
        group.rmdir()
    return None
