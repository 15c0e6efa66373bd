// A row of links that is one stop for the Tab key: arrow keys, Home and End go along it. The page's select does the same.

export function walkRows(root = document) {
  for (const row of root.querySelectorAll("[data-walk]")) {
    const links = [...row.querySelectorAll("a")];
    if (!links.length) continue;
    const stop = (link) => links.forEach((a) => a.setAttribute("tabindex", a === link ? "0" : "-1"));
    stop(links.findLast((a) => a.classList.contains("in")) ?? links.at(-1));
    row.addEventListener("keydown", (event) => {
      const at = links.indexOf(event.target.closest("a"));
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key];
      if (at < 0 || to === undefined || !links[to]) return;
      event.preventDefault();
      stop(links[to]);
      links[to].focus();
    });
  }
}
