// The desk console's entry.

import { createApp } from 'vue'
import { report } from '@/composables/problem'
import { i18n, show } from '@/i18n'
import { makeRouter } from '@/router'
import App from './App.vue'
import './element'
import './styles.css'

const router = makeRouter()

router.onError(report)
show()

const app = createApp(App).use(i18n).use(router)
app.config.errorHandler = report
app.mount('#app')
