"""The moving columns in the shares of each row's own day, in plain Python: what the Spark expressions must equal."""

from collections.abc import Sequence

DATES = 5


def moving_columns(
    closes: Sequence[float | None], splits: Sequence[float | None]
) -> list[tuple[float | None, float | None]]:
    """`close_ma_5` and `close_delta` of one ticker's rows in order; a split of 0 or null is none.

    An earlier close is divided by the ratios of the splits after it, up to the row's own: 40.00 before a split of 4 is
    10.00 of the new shares.
    """
    rows: list[tuple[float | None, float | None]] = []
    for t, close in enumerate(closes):
        in_own_shares = [close]
        for back in range(1, DATES):
            earlier = closes[t - back] if t >= back else None
            for u in range(t - back + 1, t + 1):
                if earlier is not None and splits[u]:
                    earlier /= splits[u]
            in_own_shares.append(earlier)
        whole = all(price is not None for price in in_own_shares)
        known = close is not None and in_own_shares[1] is not None
        rows.append((sum(in_own_shares) / DATES if whole else None, close - in_own_shares[1] if known else None))
    return rows
