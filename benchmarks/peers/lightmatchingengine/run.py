"""lightmatchingengine on the exchange's stream, matching only. `python run.py STREAM.npy COUNT` prints {"per_s": …, "trades": …}."""

import json
import sys
import time

import numpy as np
from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

NEW = 1


def main(path: str, count: int) -> None:
    columns = np.load(path)[:count]
    names = ("id", "kind", "side", "price", "quantity")
    messages = list(zip(*(columns[n].tolist() for n in names), strict=True))
    engine, ids, trades = LightMatchingEngine(), {}, 0
    sides = {1: Side.BUY, -1: Side.SELL}
    begun = time.perf_counter()
    for id, kind, side, price, quantity in messages:
        if kind == NEW:
            order, made = engine.add_order("COD", price, quantity, sides[side])
            ids[id] = order.order_id
            trades += sum(1 for t in made if t.order_id != order.order_id)
        elif id in ids:
            try:
                engine.cancel_order(ids[id], "COD")
            except AssertionError:  # it keeps filled orders in its index and fails where their price level is gone
                continue
    print(json.dumps({"per_s": count / (time.perf_counter() - begun), "trades": trades}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
