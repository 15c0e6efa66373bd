"""The river graph: each section names the next one downstream; what lies above and below follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...core.errors import OutOfBounds, UnknownName


@dataclass(frozen=True)
class River:
    """Sections with their next downstream ('' at an end). Build with `river`, which checks it."""

    downstream: Mapping[str, str]

    @cached_property
    def _above(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {s: [] for s in self.downstream}
        for section, below in sorted(self.downstream.items()):
            if below:
                found[below].append(section)
        return found

    def _known(self, section: str) -> str:
        if section not in self.downstream:
            raise UnknownName(f"no section {section!r} on the river.", f"河网里没有断面 {section!r}。")
        return section

    def above(self, section: str) -> list[str]:
        """Sections directly above, by name."""
        return self._above[self._known(section)]

    def all_above(self, section: str) -> list[str]:
        """Every section above, nearest first."""
        queue, found = list(self.above(section)), []
        while queue:
            here = queue.pop(0)
            found.append(here)
            queue += self._above[here]
        return found

    def below(self, section: str) -> list[str]:
        """Sections down to the end, in order."""
        found, here = [], self.downstream[self._known(section)]
        while here:
            found.append(here)
            here = self.downstream[here]
        return found

    def order(self) -> list[str]:
        """Every section after all that lie above it; by name among equals."""
        left = {s: len(a) for s, a in self._above.items()}
        ready, made = sorted(s for s, n in left.items() if not n), []
        while ready:
            here = ready.pop(0)
            made.append(here)
            below = self.downstream[here]
            if below:
                left[below] -= 1
                if not left[below]:
                    ready = sorted([*ready, below])
        return made


def river(links: Iterable[tuple[str, str]]) -> River:
    """The graph of (section, next downstream or ''). Raises `OutOfBounds` for a section named twice, a downstream that is
    no section, or a circle, naming it."""
    downstream: dict[str, str] = {}
    for section, below in links:
        if section in downstream:
            raise OutOfBounds(f"section {section!r} stands twice.", f"断面 {section!r} 出现两次。")
        downstream[section] = below
    if unknown := sorted({b for b in downstream.values() if b and b not in downstream}):
        raise OutOfBounds(
            f"downstream {unknown} is no section.",
            f"下游 {unknown} 不是断面。",
            fix="add the section, or leave it empty / 补上断面，或留空",
        )
    for section, following in downstream.items():
        seen, here = [section], following
        while here:
            if here in seen:
                told = " > ".join([*seen[seen.index(here) :], here])
                raise OutOfBounds(f"the river runs in a circle: {told}.", f"河网成环：{told}。")
            seen.append(here)
            here = downstream[here]
    return River(downstream)
