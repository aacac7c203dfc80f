"""Antonyms of words that papers use for results and methods."""

from __future__ import annotations

from collections.abc import Mapping

# A line is a pair of antonyms; "a > b" replaces a by b only.
_PAIRS = """
increase decrease
increases decreases
increased decreased
increasing decreasing
rise fall
rises falls
rising falling
reduce > increase
reduces > increases
reduced > increased
reducing > increasing
lowers > raises
improve worsen
improves worsens
improved worsened
improving worsening
enhance > impair
enhances > impairs
enhanced > impaired
enhancing > impairing
boost > hurt
boosts > hurts
hurts > helps
degrade > improve
degrades > improves
degraded > improved
degradation > improvement
improvement deterioration
improvements deteriorations
outperform underperform
outperforms underperforms
outperformed underperformed
outperforming underperforming
surpass > fall behind
surpasses > falls behind
surpassing > falling behind
exceeds > falls below
exceed > fall below
accelerate > slow down
accelerates > slows down
accelerated > slowed down
accelerating > slowing down
speeds up > slows down
speedup slowdown
speedups slowdowns
faster slower
fastest slowest
fast slow
quickly slowly
higher lower
highest lowest
high low
highly > barely
larger smaller
largest smallest
large small
more less
fewer more
less more
most least
many few
much little
better worse
best worst
greater smaller
stronger weaker
strong weak
strongly weakly
longer shorter
long short
deeper shallower
deep shallow
wider narrower
early late
earlier later
before after
above below
with without
without with
positive negative
positively negatively
superior inferior
effective ineffective
effectively ineffectively
effectiveness ineffectiveness
efficient inefficient
efficiently inefficiently
efficiency > inefficiency
significant > negligible
significantly > negligibly
substantially > hardly
substantial > negligible
considerably > barely
considerable > negligible
consistently > rarely
consistent inconsistent
accurate inaccurate
accurately inaccurately
robust > fragile
robustly > poorly
robustness > fragility
stable unstable
stability instability
reliable unreliable
reliably unreliably
simple complicated
simpler > more complicated
easy difficult
easier harder
easily > hardly
expensive cheap
costly > cheap
cheaper > costlier
possible impossible
feasible infeasible
necessary unnecessary
sufficient insufficient
known unknown
similar dissimilar
identical > different
linear > nonlinear
linearly > exponentially
online offline
supervised unsupervised
upper > lower
maximum minimum
maximize minimize
maximizes minimizes
maximizing minimizing
beneficial harmful
benefit > harm
benefits > harms
helpful unhelpful
direct indirect
directly indirectly
always never
often rarely
frequently rarely
usually rarely
rarely > often
common > rare
successful unsuccessful
successfully > unsuccessfully
success failure
succeed fail
succeeds fails
fails > succeeds
well > poorly
poorly > well
poor > good
good > bad
rich > poor
safe unsafe
optimal suboptimal
biased unbiased
correct incorrect
correctly incorrectly
correlated > uncorrelated
sensitive insensitive
sensitivity > insensitivity
advantage disadvantage
advantages disadvantages
gain > loss
gains > losses
promotes > inhibits
promote > inhibit
inhibits > promotes
inhibit > promote
inhibited > promoted
activates > inhibits
induces > prevents
prevents > causes
prevent > cause
upregulated downregulated
mitigates > aggravates
mitigate > aggravate
alleviates > aggravates
alleviate > aggravate
mitigating > aggravating
encourages > discourages
encourage > discourage
preserves > destroys
preserving > destroying
preserve > destroy
retains > loses
retaining > losing
include exclude
includes excludes
including excluding
presence absence
near-optimal > far from optimal
state-of-the-art > below state-of-the-art
data-efficient > data-hungry
low-resource > high-resource
high-quality > low-quality
high-resolution > low-resolution
large-scale > small-scale
long-term short-term
short-term long-term
long-range short-range
"""


def _antonyms() -> Mapping[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for line in _PAIRS.split("\n"):
        one_way, arrow, antonym = line.partition(" > ")
        if arrow:
            table.setdefault(one_way, []).append(antonym)
        elif line:
            word, other = line.split()
            table.setdefault(word, []).append(other)
            table.setdefault(other, []).append(word)
    return {word: tuple(dict.fromkeys(others)) for word, others in table.items()}


ANTONYMS: Mapping[str, tuple[str, ...]] = _antonyms()
