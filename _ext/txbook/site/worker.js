// Keeps the site for times without a network. With one, a page is always asked for anew, and what is
// kept answers only when nobody else does: a reader never sees an old page. Files whose names are
// fingerprints of their content never change, and are taken from what is kept.
"use strict";
const FILES = /* files */ {};
const PREFIX = "txlite:";
const SCOPE = new URL(self.registration.scope);
const PATIENCE = 4000; // milliseconds that a page may take before the kept one is shown
const FIXED = /\/_static\/(live\/|search\/|txbook-[0-9a-f]+\.css$)/;
const key = (path, hash = FILES[path]) => new Request(`${SCOPE.href}${path}?kept=${hash}`);
const NAME = PREFIX + SCOPE.pathname;

const keep = async () => {
  const cache = await caches.open(NAME);
  const have = new Set((await cache.keys()).map((request) => request.url));
  const missing = Object.keys(FILES).filter((path) => !have.has(key(path).url));
  const next = async () => {
    for (let path = missing.shift(); path !== undefined; path = missing.shift()) {
      const response = await fetch(SCOPE.href + path, { cache: "reload" });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      await cache.put(key(path), response);
    }
  };
  await Promise.all([next(), next(), next(), next()]);
};

const drop = async () => {
  const cache = await caches.open(NAME);
  const wanted = new Set(Object.keys(FILES).map((path) => key(path).url));
  for (const request of await cache.keys())
    if (!wanted.has(request.url)) await cache.delete(request);
};

const kept = async (path) => {
  const known = FILES[path] === undefined && path.endsWith("/") ? `${path}index.html` : path;
  return FILES[known] && (await caches.open(NAME)).match(key(known));
};

const asked = (request) =>
  request.mode === "navigate"
    ? fetch(request.url, { cache: "no-cache", credentials: "same-origin" })
    : fetch(request, { cache: "no-cache" });

const patience = () =>
  new Promise((_, reject) => {
    setTimeout(reject, PATIENCE, "too slow");
  });

const answer = async (request) => {
  const url = new URL(request.url);
  const path = decodeURIComponent(url.pathname.slice(SCOPE.pathname.length)) || "index.html";
  if (FIXED.test(url.pathname)) {
    const found = await kept(path);
    if (found) return found;
  }
  const fresh = asked(request);
  try {
    return await Promise.race([fresh, patience()]);
  } catch {
    return (await kept(path)) ?? fresh;
  }
};

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keep());
});
self.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([drop(), self.clients.claim()]));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(SCOPE.href))
    event.respondWith(answer(request));
});
