// Two kinds of tests: what needs no page runs in Node; what needs a browser's own judgement (`*.browser.test.ts`) runs in
// Chromium.
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { browserFlags, chromium } from './chromium.ts';

export default defineConfig({
  test: {
    projects: [
      {
        extends: './vite.config.ts',
        test: { name: 'node', environment: 'node', include: ['src/**/*.test.ts'], exclude: ['src/**/*.browser.test.ts'] },
      },
      {
        extends: './vite.config.ts',
        optimizeDeps: { include: ['dompurify', 'marked'] },
        test: {
          name: 'chromium',
          include: ['src/**/*.browser.test.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: chromium, args: browserFlags } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
