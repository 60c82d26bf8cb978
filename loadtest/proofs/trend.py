"""The slope of a line through noisy figures: Theil (1950) and Sen (1968), with the interval of Kendall's statistic."""

import statistics


def theil_sen(values):
    """The slope by step, and the ends of its 95 % interval. Few values give the widest interval there is."""
    slopes = sorted(
        (values[b] - values[a]) / (b - a) for a in range(len(values)) for b in range(a + 1, len(values))
    )
    if not slopes:
        return 0.0, 0.0, 0.0
    count = len(values)
    spread = 1.96 * (count * (count - 1) * (2 * count + 5) / 18) ** 0.5
    low = max(0, round((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, round((len(slopes) + spread) / 2))
    return statistics.median(slopes), slopes[low], slopes[high]
