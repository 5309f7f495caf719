// What the tests read from a page; put into it by looking.py.
window.looking = (() => {
  const shown = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true })) return false;
    // Read out, but not on the screen
    for (let at = element; at; at = at.parentElement) {
      if (at.matches(".visually-hidden, .skip, thead")) {
        const box = at.getBoundingClientRect();
        const style = getComputedStyle(at);
        if (box.width <= 1 || style.clipPath !== "none" || box.right < 0 || box.left > innerWidth) return false;
      }
    }
    return true;
  };
  const name = (element) =>
    element.tagName.toLowerCase() + (element.id ? `#${element.id}` : "") + [...element.classList].map((c) => `.${c}`).join("");

  function* textNodes(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!node.data.trim() || node.parentElement.closest("script, style, noscript")) continue;
      yield node;
    }
  }

  const boxesOf = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].filter((box) => box.width > 0);
  };

  const ATTRIBUTES = ["title", "aria-label", "placeholder", "alt", "aria-description", "aria-valuetext"];
  // Addresses, names and marks for scripts. What is new is read as a sentence.
  const TECHNICAL = /^(bs.*|again|url|xsrf|progress|home|spawn|user|stop|token|revoke|serverName|address|name|dismiss|events)$/;
  const ISOLATES = "\u2066\u2068";

  return {
    // All that the page says or keeps ready to say, but what is marked as another language.
    texts() {
      const tag = document.documentElement.lang;
      const isOurs = (element) => element.closest("[lang]").lang === tag && !element.closest("code, [translate=no]");
      const found = [["title", document.title]];
      for (const node of textNodes(document.body)) {
        if (isOurs(node.parentElement)) found.push([name(node.parentElement), node.data.trim()]);
      }
      for (const element of document.body.querySelectorAll("*")) {
        if (!isOurs(element) || element.closest("svg")) continue;
        for (const attribute of ATTRIBUTES) {
          const value = element.getAttribute(attribute);
          if (value) found.push([`${name(element)}[${attribute}]`, value]);
        }
        for (const [key, value] of Object.entries(element.dataset)) {
          if (value && !TECHNICAL.test(key)) found.push([`${name(element)}[data-${key}]`, value]);
        }
        if (element.matches("input[type=submit], input[type=button]")) found.push([name(element), element.value]);
      }
      return found;
    },

    // Where the page is wider than the screen, and what does not fit into its own box.
    cut() {
      const found = [];
      const wide = document.scrollingElement.scrollWidth;
      if (wide > innerWidth) found.push(`the page is ${wide} wide`);
      for (const node of textNodes(document.body)) {
        const element = node.parentElement;
        if (!shown(element) || element.closest("option")) continue;
        for (const box of boxesOf(node)) {
          if (box.left < -1 || box.right > innerWidth + 1) found.push(`${name(element)} leaves the screen`);
        }
        for (let at = element; at !== document.body; at = at.parentElement) {
          const style = getComputedStyle(at);
          const isCut =
            (style.overflowX !== "visible" && at.scrollWidth > at.clientWidth + 1) ||
            (["hidden", "clip"].includes(style.overflowY) && at.scrollHeight > at.clientHeight + 1);
          if (isCut && style.display !== "inline") found.push(`${name(at)} is cut off`);
        }
      }
      return [...new Set(found)];
    },

    // The edges of a page's first element of each kind, and where the text in it begins and ends.
    boxes(marks) {
      const found = {};
      for (const mark of marks) {
        const element = [...document.querySelectorAll(mark)].find((each) => shown(each));
        if (!element) continue;
        const box = element.getBoundingClientRect();
        const texts = boxesOf(element);
        const first = texts.filter((each) => Math.abs(each.top - texts[0].top) < 3);
        found[mark] = {
          box: [box.left, box.right],
          // Its first line, whatever pieces it is made of
          text: first.length && [Math.min(...first.map((each) => each.left)), Math.max(...first.map((each) => each.right))],
          centred: getComputedStyle(element).textAlign === "center",
        };
      }
      return found;
    },

    // Secrets and names that stand in running text without a direction of their own.
    mixed(secrets) {
      const found = [];
      for (const node of textNodes(document.body)) {
        for (const secret of secrets) {
          const at = node.data.indexOf(secret);
          if (at < 0 || ISOLATES.includes(node.data[at - 1] || "-")) continue;
          if (!node.parentElement.closest("bdi, [dir=ltr]:not(html)")) found.push(`${name(node.parentElement)}: ${secret}`);
        }
      }
      for (const field of document.querySelectorAll("input:not([type=hidden])")) {
        if (field.type === "text" && secrets.some((secret) => field.value.includes(secret)) && field.dir !== "ltr") found.push(`${name(field)}: ${field.value}`);
      }
      return found;
    },

    // What a person gets who marks each of the page's codes and copies it.
    copied() {
      const selection = getSelection();
      return [...document.querySelectorAll("bdi[dir=ltr], code[dir=ltr]")].filter(shown).map((element) => {
        selection.selectAllChildren(element);
        const copied = selection.toString();
        selection.removeAllRanges();
        return [element.textContent.trim(), copied.trim()];
      });
    },

    // Elements that another one hides when they have the focus.
    obscured() {
      const found = [];
      const places = [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]];
      for (const element of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
        if (element.disabled || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.tabIndex < 0) continue; // no key leads there
        element.focus();
        if (document.activeElement !== element) continue;
        const [box] = element.getClientRects();
        const seen = places.some(([x, y]) => {
          const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
          return top && (top === element || element.contains(top) || top.contains(element));
        });
        if (!seen) found.push(name(element));
      }
      document.activeElement.blur();
      scrollTo(0, 0);
      return found;
    },

    openAll() {
      for (const details of document.querySelectorAll("details")) details.open = true;
    },
  };
})();
