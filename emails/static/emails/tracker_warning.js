/* Shows where a removed link led. It stands behind the page's `#`, which is never sent to a server. */
"use strict";

function targetOf(fragment) {
  let url;
  try {
    const written = decodeURIComponent(fragment.replace(/^#/, "")).replaceAll("\\", "/");
    url = new URL(written.startsWith("//") ? `https:${written}` : written);
  } catch {
    return null;
  }
  return ["http:", "https:"].includes(url.protocol) && !url.username && !url.password ? url : null;
}

function show() {
  const url = targetOf(window.location.hash);
  const shown = document.getElementById("target");
  shown.hidden = url === null;
  if (url === null) {
    return;
  }
  document.getElementById("host").textContent = url.host;
  document.getElementById("address").textContent = url.href;
  document.getElementById("go-on").href = url.href;
}

window.addEventListener("hashchange", show);
show();
