// Pages and their addresses. Invariant: nobody sees a page but the sign-in without a session, and with an
// account that lacks something nobody sees a page but the account.

import { createRouter, createWebHistory, type Router } from 'vue-router'
import { onSignedOut } from '@/api/http'
import { loadCatalogue } from '@/composables/catalogue'
import { connect, disconnect } from '@/composables/live'
import { forget, resume } from '@/composables/session'

let prepared = false

/** What every page behind the sign-in needs: the catalogue and the stream of hints. */
async function prepare(): Promise<void> {
  if (prepared) return
  await loadCatalogue()
  connect()
  prepared = true
}

/** After signing out the next person starts from nothing. */
export function unprepare(): void {
  disconnect()
  prepared = false
}

export function makeRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', redirect: '/tickets' },
      { path: '/sign-in', name: 'sign-in', component: () => import('@/views/SignIn.vue'), meta: { open: true } },
      { path: '/tickets', name: 'tickets', component: () => import('@/views/TicketList.vue') },
      { path: '/tickets/new', name: 'new-ticket', component: () => import('@/views/NewTicket.vue') },
      { path: '/tickets/:id', name: 'ticket', component: () => import('@/views/TicketPage.vue'), props: true },
      { path: '/board', name: 'board', component: () => import('@/views/BoardPage.vue') },
      { path: '/devices', name: 'devices', component: () => import('@/views/DevicesPage.vue') },
      { path: '/users', name: 'users', component: () => import('@/views/UsersPage.vue') },
      { path: '/account', name: 'account', component: () => import('@/views/AccountPage.vue') },
      { path: '/audit', name: 'audit', component: () => import('@/views/AuditPage.vue') },
      { path: '/quarantine', name: 'quarantine', component: () => import('@/views/QuarantinePage.vue') },
      { path: '/:rest(.*)*', name: 'missing', component: () => import('@/views/MissingPage.vue') },
    ],
  })
  router.beforeEach(async (to) => {
    if (to.meta.open) return true
    const session = await resume()
    if (session === null) return { name: 'sign-in', query: { to: to.fullPath } }
    // An account that lacks something is completed first; nothing else would answer.
    if (session.lacks) return to.name === 'account' ? true : { name: 'account' }
    await prepare()
    return true
  })
  onSignedOut(() => {
    forget()
    unprepare()
    const { meta, fullPath } = router.currentRoute.value
    if (!meta.open) void router.push({ name: 'sign-in', query: { to: fullPath, expired: '1' } })
  })
  return router
}
