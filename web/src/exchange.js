// The live market: the book from numbered messages, the rest of the page fetched again when something was traded.
// A number that is not the next one means that a message was missed: it is asked for, and the page says so.

const LEVELS = 5;
const thousands = (text) => {
  const [whole, part] = text.split(".");
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",") + (part ? `.${part}` : "");
};
const money = (text) => {
  const [whole, part = ""] = text.split(".");
  return thousands(`${whole}.${part.padEnd(2, "0")}`);
};

class Book {
  constructor() {
    this.number = -1;
    this.sides = { buy: new Map(), sell: new Map() };
  }

  picture(said) {
    this.number = said.number;
    for (const side of ["buy", "sell"]) this.sides[side].clear();
    for (const [side, price, quantity] of said.levels) this.sides[side].set(price, quantity);
  }

  /** False where a message is missing. */
  delta(said) {
    if (said.number <= this.number) return true;
    if (said.number !== this.number + 1) return false;
    this.number = said.number;
    for (const [side, price, quantity] of said.levels) {
      if (quantity === "0") this.sides[side].delete(price);
      else this.sides[side].set(price, quantity);
    }
    return true;
  }

  best(side) {
    const rows = [...this.sides[side]].sort((a, b) => (side === "buy" ? b[0] - a[0] : a[0] - b[0]));
    return rows.slice(0, LEVELS);
  }
}

function drawBook(box, book) {
  const words = JSON.parse(box.querySelector(".levels").dataset.words);
  for (const side of ["sell", "buy"]) {
    const rows = book.best(side);
    const most = Math.max(...rows.map(([, q]) => Number(q)), 0) || 1;
    const made = rows.map(([price, quantity], i) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = `${words[side]}${i + 1}`;
      const at = document.createElement("td");
      at.className = "n";
      const strong = document.createElement("b");
      strong.textContent = money(price);
      at.append(strong);
      const amount = document.createElement("td");
      amount.className = "n q";
      const bar = document.createElement("i");
      bar.dataset.share = String(Math.round((Number(quantity) / most) * 100));
      const number = document.createElement("span");
      number.textContent = thousands(quantity);
      amount.append(bar, number);
      row.append(head, at, amount);
      return row;
    });
    if (side === "sell") made.reverse();
    box.querySelector(`tbody[data-side="${side}"]`).replaceChildren(...made);
  }
  drawShares(box);
}

/** Widths are set by script: the page's policy allows no style in the markup. */
function drawShares(box) {
  for (const bar of box.querySelectorAll("i[data-share]")) bar.style.width = `${bar.dataset.share}%`;
}

let fetching = 0;
/** The parts of the page that are drawn on the server, once for a burst of trades. */
function refresh() {
  clearTimeout(fetching);
  fetching = setTimeout(async () => {
    const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const made = fresh.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
      if (made && !part.contains(document.activeElement)) part.replaceWith(document.adoptNode(made));
    }
  }, 400);
}

export function watchMarket(box) {
  const book = new Book();
  const note = box.querySelector("[data-feed]");
  const words = JSON.parse(note.dataset.words);
  const place = new URL(box.dataset.stream, location.href);
  place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
  let wait = 500;
  drawShares(box);

  const open = () => {
    if (book.number >= 0) place.searchParams.set("after", String(book.number));
    const socket = new WebSocket(place);
    socket.addEventListener("message", (event) => {
      const said = JSON.parse(event.data);
      wait = 500;
      if (said.type === "picture") book.picture(said);
      else if (said.type === "gap") {
        note.textContent = words.gap;
        refresh();
        return;
      } else if (said.type === "delta") {
        if (!book.delta(said)) {
          socket.send(JSON.stringify({ type: "resync", after: book.number }));
          return;
        }
        const traded = said.trades.filter(([, price]) => price !== null);
        if (traded.length) box.querySelector("[data-last]").textContent = money(traded.at(-1)[1]);
        refresh();
      } else return;
      drawBook(box, book);
      box.dataset.number = String(book.number);
      note.textContent = words.on.replace("{n}", thousands(String(book.number)));
    });
    socket.addEventListener("close", () => {
      note.textContent = words.off;
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 20_000);
    });
  };
  open();
}

/** What the order will set aside, and a button that says the act. */
export function watchTicket(form) {
  const effect = form.querySelector("[data-effect]");
  const button = form.querySelector("[data-submit]");
  const plain = button.textContent;
  const tell = () => {
    const side = form.elements.side.value;
    const price = Number(form.elements.price.value);
    const quantity = form.elements.quantity.value;
    const whole = price * Number(quantity);
    if (!(whole > 0)) {
      effect.textContent = "—";
      button.textContent = plain;
      return;
    }
    const value = thousands(whole.toFixed(2));
    effect.textContent = side === "buy" ? value : thousands(quantity);
    button.textContent = form.dataset[side].replace("{q}", thousands(quantity)).replace("{v}", value);
  };
  form.addEventListener("input", tell);
  tell();
}

/** Time that is left until an auction opens or closes, by the second; at the end the page is asked again. */
export function countDown() {
  const tell = () => {
    for (const part of document.querySelectorAll("[data-until]")) {
      const left = Math.floor((new Date(part.dataset.until) - Date.now()) / 1000);
      if (left < 0) {
        delete part.dataset.until;
        part.textContent = "";
        refresh();
      } else if (left < 86_400) part.textContent = new Date(left * 1000).toISOString().slice(11, 19);
    }
  };
  tell();
  setInterval(tell, 1000);
}
