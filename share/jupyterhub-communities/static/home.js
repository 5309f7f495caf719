// Stops servers, and starts one of a new name. The Hub's own script does it in English only.
const { base_url: hub, xsrf_token: xsrf } = window.jhdata;
const user = encodeURIComponent(document.getElementById("servers").dataset.user);

for (const button of document.querySelectorAll("[data-stop]")) {
  const name = button.dataset.stop;
  const path = name ? `servers/${encodeURIComponent(name)}` : "server";
  const server = `${hub}api/users/${user}/${path}?_xsrf=${encodeURIComponent(xsrf)}`;
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = button.dataset.busy;
    try {
      const answer = await fetch(server, { method: "DELETE" });
      if (!answer.ok) throw new Error(answer.statusText);
      window.location.reload();
    } catch {
      button.disabled = false;
      button.textContent = button.dataset.failed;
    }
  });
}

const form = document.getElementById("new-server");
if (form) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    window.location.href = form.dataset.spawn + document.getElementById("new-server-name").value;
  });
}

window._jupyterhub_page_loaded = true; // the Hub's own pages tell tests so
