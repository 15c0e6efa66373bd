"""order-matching on the exchange's stream, matching only. `python run.py STREAM.npy COUNT` prints {"per_s": …, "trades": …}."""

import json
import sys
import time
from datetime import datetime, timedelta

import numpy as np
from loguru import logger
from order_matching.enums import Side
from order_matching.matching_engine import MatchingEngine
from order_matching.order import LimitOrder
from order_matching.orders import Orders

NEW = 1


def main(path: str, count: int) -> None:
    logger.remove()
    columns = np.load(path)[:count]
    names = ("id", "kind", "side", "price", "quantity", "account")
    messages = list(zip(*(columns[n].tolist() for n in names), strict=True))
    engine, trades, start = MatchingEngine(seed=1), 0, datetime(2024, 10, 4)
    sides = {1: Side.BUY, -1: Side.SELL}
    begun = time.perf_counter()
    for n, (id, kind, side, price, quantity, account) in enumerate(messages):
        at = start + timedelta(microseconds=n)
        if kind == NEW:
            order = LimitOrder(side=sides[side], price=price / 1e4, size=quantity / 1e6, timestamp=at, order_id=str(id), trader_id=str(account),
                               price_number_of_digits=2)  # fmt: skip
            engine.place(orders=Orders([order]))
            trades += len(engine.match(timestamp=at).trades)
        else:
            try:
                engine.cancel_order(str(id))
            except ValueError:  # filled or cancelled before
                continue
    print(json.dumps({"per_s": count / (time.perf_counter() - begun), "trades": trades}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
