// Watches a page for anything that runs, loads or shows itself that the page itself did not mean.

/** Runs in every frame before anything of the page does. */
function hooks() {
  const tell = (what) => globalThis.__tell?.(String(what));
  Object.defineProperty(globalThis, "__ran", { set: (n) => tell(`ran ${n}`), get: () => undefined, configurable: false });
  for (const name of ["alert", "confirm", "prompt", "print", "open"]) {
    globalThis[name] = (...args) => void tell(`${name} ${args[0]}`);
  }
  addEventListener("securitypolicyviolation", (event) => tell(`policy ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
}

/** What is in the document that text never is; an empty list where all is well. */
function intruders(own) {
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    if (["script", "iframe", "frame", "object", "embed", "base", "math", "marquee", "portal", "plaintext", "noscript"].includes(name)) {
      if (name === "script" && element.src.startsWith(`${own}/assets/`)) continue;
      found.push(`<${name}>`);
    }
    if (name === "meta" && element.httpEquiv && element.httpEquiv.toLowerCase() === "refresh") found.push("<meta refresh>");
    for (const attribute of element.attributes) {
      if (/^on/i.test(attribute.name) || attribute.name === "srcdoc") found.push(`<${name} ${attribute.name}>`);
      if (!["href", "src", "action", "formaction", "data", "xlink:href", "srcset", "poster", "ping"].includes(attribute.name)) continue;
      const url = new URL(attribute.value, own);
      if (url.origin !== own && !/^data:image\//.test(attribute.value)) found.push(`<${name} ${attribute.name}=${attribute.value}>`);
    }
  }
  return found;
}

/** Watches `page`, whose own address is `own`; `seen` fills with what happens. */
export async function watch(page, own) {
  const seen = [];
  await page.exposeFunction("__tell", (what) => void seen.push(what));
  await page.addInitScript(hooks);
  page.on("dialog", (dialog) => {
    seen.push(`dialog ${dialog.message()}`);
    void dialog.dismiss().catch(() => {});
  });
  page.on("pageerror", (error) => seen.push(`error ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript|Refused to/.test(message.text())) seen.push(`log ${message.text()}`);
  });
  page.on("popup", (popup) => {
    seen.push(`window ${popup.url()}`);
    void popup.close().catch(() => {});
  });
  page.on("download", (download) => seen.push(`download ${download.url()}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${own}/`) && !url.startsWith("data:image/") && !url.startsWith(`blob:${own}/`)) seen.push(`request ${url}`);
  });
  page.on("framenavigated", (frame) => {
    if (frame.parentFrame() !== null) seen.push(`frame ${frame.url()}`);
    else if (!frame.url().startsWith(`${own}/`) && frame.url() !== "about:blank") seen.push(`navigated ${frame.url()}`);
  });
  return { seen, intruders: () => page.evaluate(intruders, own) };
}
