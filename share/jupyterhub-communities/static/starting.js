// Follows the start of a server and opens it. Without scripts the page loads itself again.
const page = document.getElementById("starting");
const part = (id) => document.getElementById(id);
const source = new EventSource(page.dataset.progress);
const log = part("progress-log");
const asText = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent;

source.onmessage = (message) => {
  const event = JSON.parse(message.data);
  if (event.progress !== undefined) {
    part("progress-bar").style.width = `${event.progress}%`;
    part("progress-bar").setAttribute("aria-valuenow", event.progress);
  }
  if (event.ready || event.failed) {
    source.close();
    if (event.ready) part("starting-title").textContent = page.dataset.ready;
    // Loaded again, this address leads to the server, or says in the reader's language what failed.
    if (!page.dataset.cancelled) window.location.reload();
    return;
  }
  const said = event.html_message ? asText(event.html_message) : event.message || "";
  const line = document.createElement("div");
  line.textContent = said === "Server requested" ? log.dataset.requested : said;
  if (event.lang) Object.assign(line, { lang: event.lang, dir: "ltr" });
  log.append(line);
  part("progress-details").hidden = false;
};

// The Hub refuses to tell about a start that has just ended: then this address knows more.
source.onerror = () => {
  if (source.readyState === EventSource.CLOSED && !page.dataset.cancelled) {
    setTimeout(() => window.location.reload(), 3000);
  }
};

part("cancel-start").addEventListener("submit", ({ submitter }) => {
  submitter.disabled = true;
  page.dataset.cancelled = "yes";
});

window._jupyterhub_page_loaded = true; // the Hub's own pages tell tests so
