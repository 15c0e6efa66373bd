// A figure's mark leads to its pedigree page. With a script the same page opens beside the one being read: the address
// becomes the pedigree's own, so that it can be sent on; back and Esc lead to the page that was read.

let home = location.href;
const title = document.title;
let dialog = null;
let turn = 0; // an answer that comes after a later wish is dropped

function frame(words) {
  const made = document.createElement("dialog");
  made.className = "drawer";
  made.setAttribute("aria-label", words.drawerTitle);
  made.addEventListener("click", (event) => {
    if (event.target === made) made.close();
  });
  made.addEventListener("close", () => {
    document.title = title;
    const depth = history.state?.depth ?? 0;
    if (depth) history.go(-depth);
  });
  document.body.append(made);
  return made;
}

/** Fetches the page behind an address and shows its main part in the drawer; false where another wish came first. */
async function show(href) {
  const words = document.body.dataset;
  turn += 1;
  const mine = turn;
  const answer = await fetch(href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== turn) return false;
  const main = page.querySelector("main");
  dialog ??= frame(words);
  const close = document.createElement("button");
  close.className = "plain close";
  close.textContent = words.drawerClose;
  close.addEventListener("click", () => dialog.close());
  const content = document.createElement("div");
  content.append(...main.childNodes);
  content.querySelectorAll("[id]").forEach((node) => node.removeAttribute("id"));
  content.querySelectorAll(".foot").forEach((node) => node.remove());
  const heading = content.querySelector("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.setAttribute("autofocus", "");
  }
  dialog.replaceChildren(close, content);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  heading?.focus({ preventScroll: true });
  document.title = page.title;
  return true;
}

async function open(link) {
  if (!(await show(link.href))) return;
  history.pushState({ drawer: link.href, depth: (history.state?.depth ?? 0) + 1 }, "", link.href);
}

/** The page being read has changed its own address, as a map does that is moved. */
export function readAt(href) {
  history.replaceState(history.state, "", href);
  home = location.href;
}

export function openDrawers() {
  // a reload at a drawer's address shows that page whole
  if (history.state?.drawer) history.replaceState(null, "");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-drawer]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(link).catch(() => location.assign(link.href));
  });
  addEventListener("popstate", (event) => {
    if (event.state?.drawer) show(event.state.drawer).catch(() => location.reload());
    else if (location.href.split("#")[0] !== home.split("#")[0]) location.reload();
    else {
      turn += 1;
      dialog?.close();
    }
  });
}
