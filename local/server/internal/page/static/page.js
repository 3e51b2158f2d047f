// Copies commands, makes the calls of forms over Connect, and keeps lists of
// calls up to date. The page can be read without it.
"use strict";

// ---- Copy

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

// A link to a method opens it.
document.getElementById(decodeURIComponent(location.hash.slice(1)))?.setAttribute("open", "");

// ---- Live parts: the page is loaded again while it changes

const period = 1000; // milliseconds
let etag = "";

async function refresh() {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  if (!document.hidden) {
    try {
      const response = await fetch(location.href.split("#")[0], { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
      if (response.ok) {
        etag = response.headers.get("ETag") ?? "";
        replace(live, new DOMParser().parseFromString(await response.text(), "text/html"));
      }
    } catch {
      // The server has stopped; it may come back.
    }
  }
  setTimeout(refresh, period);
}

// replace puts the live part of fresh in the place of live, and what belongs to
// a call that has ended after it. The focus stays on the same link.
function replace(live, fresh) {
  const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const part = fresh.getElementById(live.id);
  if (!part) return;
  live.replaceWith(part);
  const event = fresh.getElementById("event");
  if (event && !document.getElementById("event")) part.after(event);
  if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}
setTimeout(refresh, period);

// A filter applies as soon as it is chosen.
const filter = document.querySelector("[data-filter]");
filter?.addEventListener("change", () => filter.requestSubmit());

// ---- Calls over Connect

for (const form of document.querySelectorAll("form.try")) {
  const output = form.querySelector(".output");
  const status = form.querySelector("[role=status]");
  const cancel = form.querySelector("[data-cancel]");
  const submit = form.querySelector("[type=submit]");
  const show = (text) => {
    output.hidden = false;
    output.append(text + "\n");
    output.scrollTop = output.scrollHeight;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const controller = new AbortController();
    cancel.onclick = () => controller.abort();
    output.replaceChildren();
    submit.disabled = true;
    cancel.hidden = false;
    status.textContent = "running";
    const start = performance.now();
    try {
      const call = "stream" in form.dataset ? stream : unary;
      const outcome = await call(form.dataset.call, form, controller.signal, show);
      status.textContent = `${outcome} after ${Math.round(performance.now() - start)} ms`;
    } catch (error) {
      status.textContent = controller.signal.aborted ? "cancelled" : `failed: ${error.message}`;
    }
    submit.disabled = false;
    cancel.hidden = true;
  });
}

function headersOf(form, type) {
  const headers = new Headers({ "Content-Type": type, "Connect-Protocol-Version": "1" });
  for (const line of form.elements.headers.value.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return headers;
}

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

async function unary(path, form, signal, show) {
  const body = form.elements.request.value.trim() || "{}";
  const response = await fetch(path, { method: "POST", headers: headersOf(form, "application/json"), body, signal });
  const text = await response.text();
  show(pretty(text));
  return response.ok ? "OK" : `${response.status} ${codeOf(text)}`;
}

function codeOf(text) {
  try {
    return JSON.parse(text).code ?? "";
  } catch {
    return "";
  }
}

// stream sends envelopes of the Connect protocol and shows those that arrive.
async function stream(path, form, signal, show) {
  const body = new Blob(messagesOf(form.elements.request.value).map(envelope));
  const response = await fetch(path, { method: "POST", headers: headersOf(form, "application/connect+json"), body, signal });
  if (!response.ok) {
    const text = await response.text();
    show(pretty(text));
    return `${response.status} ${codeOf(text)}`;
  }
  const reader = response.body.getReader();
  let rest = new Uint8Array();
  let count = 0;
  let end = "no end of the stream";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return `${end}, ${count} messages`;
    rest = joined(rest, value);
    while (rest.length >= 5) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < 5 + length) break;
      const text = new TextDecoder().decode(rest.subarray(5, 5 + length));
      if (rest[0] & 2) {
        const { error } = JSON.parse(text);
        end = error ? error.code : "OK";
        if (error) show(JSON.stringify(error, null, 2));
      } else {
        count++;
        show(text);
      }
      rest = rest.slice(5 + length);
    }
  }
}

function joined(a, b) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function envelope(text) {
  const data = new TextEncoder().encode(text);
  const framed = new Uint8Array(5 + data.length);
  new DataView(framed.buffer).setUint32(1, data.length);
  framed.set(data, 5);
  return framed;
}

// messagesOf splits objects that stand one after the other.
function messagesOf(text) {
  const messages = [];
  let depth = 0, start = 0, inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "{" && depth++ === 0) start = i;
    else if (c === "}" && --depth === 0) messages.push(text.slice(start, i + 1));
  }
  return messages;
}
