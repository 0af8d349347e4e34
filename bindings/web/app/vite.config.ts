import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import { VitePWA } from 'vite-plugin-pwa'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Vant names a second place for its icons, on somebody's server; the first one, in its own file, is enough. */
function ownIcons(): Plugin {
  return {
    name: 'gongdan-own-icons',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('vant/lib/index.css')) return undefined
      const own = code.replace(/,\s*url\(\/\/[^)]*\)\s*format\("woff"\)/, '')
      if (own === code || /url\((?!data:)/.test(own)) throw new Error('Vant loads from elsewhere in another way than before')
      return own
    },
  }
}

/** Compresses what is worth it once, at the build: the server sends these to whoever takes Brotli. */
function compressed(): Plugin {
  const dist = here('./dist')
  return {
    name: 'gongdan-compressed',
    apply: 'build',
    closeBundle: {
      order: 'post',
      sequential: true,
      handler() {
        // The service worker is built into the same folder and comes here a second time.
        for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
          if (!entry.isFile() || !/\.(html|js|css|wasm|svg|webmanifest)$/.test(entry.name)) continue
          const path = join(entry.parentPath, entry.name)
          writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)))
        }
      },
    },
  }
}

export default defineConfig({
  base: '/phone/',
  plugins: [
    ownIcons(),
    vue(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'sw.ts',
      // The page registers it and the manifest is a file: no inline script, which the policy forbids.
      injectRegister: false,
      manifest: false,
      injectManifest: {
        globPatterns: ['**/*.{html,js,css,wasm,svg,webmanifest}'],
        maximumFileSizeToCacheInBytes: 12 * 1024 * 1024,
      },
    }),
    compressed(),
  ],
  resolve: {
    alias: {
      '@': here('./src'),
      // What `cargo xtask wasm phone` built.
      '#core': here('../../../target/wasm/pkg-phone'),
    },
  },
  define: {
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  test: { include: ['tests/**/*.test.ts'] },
})
