// The phone app's entry.

import 'vant/lib/index.css'
import { createApp } from 'vue'
import { report } from '@/composables/problem'
import { i18n, show } from '@/i18n'
import { router } from '@/router'
import { register } from '@/update'
import App from './App.vue'
import './styles.css'

show()
const app = createApp(App).use(i18n).use(router)
app.config.errorHandler = report
app.mount('#app')
void register()
