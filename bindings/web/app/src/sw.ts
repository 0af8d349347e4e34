/// <reference lib="webworker" />
// The service worker: the whole app is kept on the phone, one version at a time.
//
// Invariant: a page gets all its files from one version. A new version waits until the person takes it, or every
// page is closed; the phone's data lies elsewhere and no version touches another's.

import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute, type PrecacheEntry } from 'workbox-precaching'

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (PrecacheEntry | string)[] }

precacheAndRoute(self.__WB_MANIFEST)
cleanupOutdatedCaches()

const page = createHandlerBoundToURL('index.html')
self.addEventListener('fetch', (event) => {
  if (event.request.mode !== 'navigate') return
  event.respondWith(page({ event, request: event.request, url: new URL(event.request.url) }))
})

self.addEventListener('message', (event) => {
  if (event.data === 'take-over') void self.skipWaiting()
})
