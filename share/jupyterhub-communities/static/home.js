// Says that a server is being stopped, and starts one of a new name.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", ({ submitter }) => {
    submitter.disabled = true;
    submitter.textContent = form.dataset.busy;
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
