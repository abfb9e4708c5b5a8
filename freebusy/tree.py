"""Two trees in one: files for every reader that the site allows, and those for fewer.

``state/public`` may be served by anybody, as it is; ``state/restricted`` is for the
gateway alone (mode 700).  Which NAME belongs where is a rule, and may change while
files are read and written:

in the right half   as :mod:`freebusy.public` says
in the wrong half   only between a change of the rule, or a start, and the end of
                    :meth:`Tree.settle`; never written there, found there meanwhile
in both             after a crash or a foreign copy; the right half counts, and
                    :meth:`Tree.settle` keeps the newer of the two

Whether a visitor may read a file has been decided before it is looked for here.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from freebusy.ports import PublishedFile
    from freebusy.public import PublicDirectory


class _RuleChanged(Exception):  # noqa: N818  # not an error: the writer tries again
    """A file that is about to get its name belongs into the other half by now."""


class Tree:
    """The served files of one gateway, in two halves on one file system.

    Every method may be called from any thread; several processes may share the halves
    as long as they agree on the rule: one that goes on under an older, wider one puts
    files back into the public half.  All raise what PublicDirectory does.
    """

    def __init__(
        self,
        public: PublicDirectory,
        restricted: PublicDirectory,
        is_restricted: Callable[[str], bool],
    ) -> None:
        """``is_restricted`` is the rule: whether the file of a NAME is for fewer readers."""
        self.public = public
        self.restricted = restricted
        self._is_restricted = is_restricted
        self._settling = 0
        self._version = 0
        """Of the rule and of where files lie; odd while one is moved."""
        # Held while a file gets its name or loses it, and while the rule changes.
        self._placing = threading.Lock()

    def read(self, name: str) -> PublishedFile | None:
        """Return the file as it is now, or None; costs one lstat while it does not change."""
        version = self._version
        half = self.restricted if self._is_restricted(name) else self.public
        file = half.read(name)
        if file is None and (self._settling or version != self._version):
            return self._search(name)
        return file

    def _search(self, name: str) -> PublishedFile | None:
        """Look in both halves, again if a file was moved meanwhile."""
        while True:
            version = self._version
            half = self._half(name)
            file = half.read(name) or self._other(half).read(name)
            if file is not None or (version == self._version and not version % 2):
                return file

    def names(self) -> list[str]:
        """Return the names that have a file, sorted."""
        return sorted({*self.public.names(), *self.restricted.names()})

    def replace(self, name: str, body: bytes) -> None:
        """Put ``body`` in the place of the file, whole and on disk when this returns."""
        while True:
            half = self._half(name)
            try:
                half.replace(name, body, self._place(name, half))
            except _RuleChanged:
                continue
            return

    def remove(self, name: str) -> bool:
        """Remove the file; False where there was none."""
        with self._placing:
            removed = [self.public.remove(name), self.restricted.remove(name)]
        return any(removed)

    def sweep(self, older_than: timedelta) -> int:
        """Remove temporaries that a crash left longer ago than that; return how many."""
        return self.public.sweep(older_than) + self.restricted.sweep(older_than)

    def divide(self, is_restricted: Callable[[str], bool]) -> int:
        """Go on with another rule and move files as it says; return how many.

        When this returns no file lies in the public half that does not belong there;
        no reader misses a file meanwhile.
        """
        with self._settled_later():
            with self._moving():
                self._is_restricted = is_restricted
            return self._settle(())

    def settle(self, *names: str) -> int:
        """Move these files, or all, to where they belong; return how many were elsewhere."""
        with self._settled_later():
            return self._settle(names)

    def _settle(self, names: tuple[str, ...]) -> int:
        moved, faults = 0, list[StoreError]()
        # What has become narrower goes first.
        for half in (self.public, self.restricted):
            for name in names or half.names():
                if self._half(name) is not half:
                    try:
                        moved += self._move(name, half)
                    except StoreError as fault:
                        faults.append(fault)  # the others are no less urgent
        if moved:
            self.restricted.sync()
            self.public.sync()
        if faults:
            raise faults[0]
        return moved

    def _move(self, name: str, half: PublicDirectory) -> bool:
        with self._moving():
            # Once more: the rule may have changed back.
            return self._half(name) is not half and half.hand_over(name, self._other(half))

    @contextlib.contextmanager
    def _settled_later(self) -> Iterator[None]:
        """Let readers look in both halves meanwhile."""
        with self._placing:
            self._settling += 1
        try:
            yield
        finally:
            with self._placing:
                self._settling -= 1

    @contextlib.contextmanager
    def _moving(self) -> Iterator[None]:
        """Let readers know that what they have seen may not be so any more."""
        with self._placing:
            self._version += 1
            try:
                yield
            finally:
                self._version += 1

    @contextlib.contextmanager
    def _place(self, name: str, half: PublicDirectory) -> Iterator[None]:
        """Let a file get its name in this half, if that still is the right one.

        What lies in the other half goes in the same breath: others may serve it, or it
        comes back.  Later, when the rule has changed twice, it could be the only one.
        """
        with self._moving():
            if self._half(name) is not half:
                raise _RuleChanged
            yield
            other = self._other(half)
            if other.read(name) is not None:
                half.sync()
                other.remove(name)

    def _half(self, name: str) -> PublicDirectory:
        return self.restricted if self._is_restricted(name) else self.public

    def _other(self, half: PublicDirectory) -> PublicDirectory:
        return self.public if half is self.restricted else self.restricted
