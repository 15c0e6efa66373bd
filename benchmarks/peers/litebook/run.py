"""litebook on the exchange's stream, matching only. `python run.py STREAM.npy COUNT` prints {"per_s": messages a second, "trades": …}."""

import json
import sys
import time

import litebook
import numpy as np

NEW, TICK = 1, 100


def main(path: str, count: int) -> None:
    columns = np.load(path)[:count]
    names = ("id", "kind", "side", "price", "quantity")
    messages = list(zip(*(columns[n].tolist() for n in names), strict=True))
    book, ids, trades = litebook.OrderBook(tick_size=0.01), {}, 0
    sides = {1: litebook.OrderType.Buy, -1: litebook.OrderType.Sell}
    begun = time.perf_counter()
    for id, kind, side, price, quantity in messages:
        if kind == NEW:
            order = litebook.Order(sides[side], price // TICK, quantity / 1e6)
            ids[id] = order.id
            trades += len(book.add(order))
        elif id in ids:
            book.cancel(ids[id])
    print(json.dumps({"per_s": count / (time.perf_counter() - begun), "trades": trades}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
