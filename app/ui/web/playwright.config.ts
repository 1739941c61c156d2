// The browser tests: real Chromium against the real program, the scripted upstream and, where a local model is meant, the
// real model. `STEADFAST_BIN`, `STEADFAST_SCRIPTED_UPSTREAM` and `STEADFAST_TEST_MODEL` say where those are.
import { defineConfig } from '@playwright/test';
import { browserFlags, chromium } from './chromium.ts';

export default defineConfig({
  testDir: './browser',
  outputDir: '../../../test-artefacts/browser',
  // Each test has its own house; two at a time are what two cores carry.
  fullyParallel: true,
  workers: Number(process.env.STEADFAST_BROWSER_WORKERS ?? 2),
  forbidOnly: true,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    headless: true,
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
    launchOptions: { executablePath: chromium, args: browserFlags },
  },
});
