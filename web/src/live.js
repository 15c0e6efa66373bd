// A page that follows a stream of events: when one comes, the page is fetched again and its named parts are put in place,
// so that words, links and marks are those of the server. Without a script the page is as it was when it was asked for.
export function follow(mark) {
  const parts = mark.dataset.liveParts.split(" ");
  let waiting = false;
  let again = false;

  async function refresh() {
    if (waiting) {
      again = true;
      return;
    }
    waiting = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of parts) {
        const old = document.getElementById(id);
        const fresh = page.getElementById(id);
        if (old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceWith(document.adoptNode(fresh));
      }
    } finally {
      setTimeout(() => {
        waiting = false;
        if (again) {
          again = false;
          refresh();
        }
      }, 1000);
    }
  }

  const source = new EventSource(mark.dataset.live);
  const came = (event) => {
    mark.textContent = mark.dataset.came ?? "";
    mark.dataset.last = event.lastEventId;
    refresh();
  };
  for (const kind of ["pending", "active", "cleared", "normal", "withdrawn"]) source.addEventListener(kind, came);
  source.addEventListener("open", () => {
    mark.textContent = mark.dataset.on ?? "";
    mark.classList.remove("off");
  });
  source.addEventListener("error", () => {
    mark.textContent = mark.dataset.off ?? "";
    mark.classList.add("off");
  });
  addEventListener("pagehide", () => source.close());
}
