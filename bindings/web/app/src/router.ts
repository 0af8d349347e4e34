import { createRouter, createWebHistory } from 'vue-router'
import More from '@/views/More.vue'
import NewTicket from '@/views/NewTicket.vue'
import Outbox from '@/views/Outbox.vue'
import Sign from '@/views/Sign.vue'
import TicketPage from '@/views/TicketPage.vue'
import Today from '@/views/Today.vue'
import Visit from '@/views/Visit.vue'

export const router = createRouter({
  history: createWebHistory(import.meta.env.BASE_URL),
  routes: [
    { path: '/', name: 'today', component: Today },
    { path: '/ticket/:id', name: 'ticket', component: TicketPage, props: true },
    { path: '/visit/:id', name: 'visit', component: Visit, props: true },
    // The phone is in the customer's hand: nothing of the technician's is around it.
    { path: '/sign/:id', name: 'sign', component: Sign, props: true, meta: { customer: true } },
    { path: '/new', name: 'new', component: NewTicket },
    { path: '/outbox', name: 'outbox', component: Outbox },
    { path: '/more', name: 'more', component: More },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})
