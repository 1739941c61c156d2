// Every state as it looks, by day and by night, wide and narrow: a picture of each, and nothing serious or critical from
// axe in any of them. Also the weight of the first visit, and the order of focus and of announcements.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, picture, test, type Chat } from './house.ts';
import { words } from './upstream.ts';

/** How to get into each state, and what shows that it is reached. */
const STATES: Record<string, { ask: string; reached: (chat: Chat) => Promise<void> }> = {
  done: { ask: 'SCN-ok#looks', reached: (chat) => expect(chat.answerIn('done')).toBeVisible() },
  streaming: { ask: 'SCN-slow#looks', reached: (chat) => expect(chat.words).toContainText(words(8)) },
  quiet: {
    ask: 'SCN-stall#looks',
    reached: (chat) => expect(chat.answer.locator('[data-copy="answer.quiet"]')).toBeVisible({ timeout: 25_000 }),
  },
  connecting: { ask: 'SCN-hang#looks', reached: (chat) => expect(chat.answerIn('connecting')).toBeVisible() },
  retrying: {
    ask: 'SCN-429#looks',
    reached: (chat) => expect(chat.page.locator('[data-state="connecting"][data-attempt="2"]')).toBeVisible(),
  },
  interrupted: { ask: 'SCN-cut#looks', reached: (chat) => expect(chat.answerIn('interrupted')).toBeVisible() },
  'failed-final': { ask: 'SCN-401#looks', reached: (chat) => expect(chat.answerIn('failed')).toBeVisible() },
  'failed-retryable': { ask: 'SCN-503#looks', reached: (chat) => expect(chat.answerIn('failed')).toBeVisible() },
  stopped: {
    ask: 'SCN-slow#stopped',
    reached: async (chat) => {
      await expect(chat.words).toContainText(words(6));
      await chat.page.keyboard.press('Escape');
      await expect(chat.answerIn('stopped')).toBeVisible();
    },
  },
  queued: {
    ask: 'SCN-hang#queued',
    reached: async (chat) => {
      await expect(chat.answerIn('connecting')).toBeVisible();
      await chat.send('What about fog?');
      await expect(chat.page.locator('[data-role="user"][data-state="queued"]')).toBeVisible();
    },
  },
  offline: {
    ask: 'SCN-ok#offline',
    reached: async (chat) => {
      await expect(chat.answerIn('done')).toBeVisible();
      await chat.page.context().setOffline(true);
      await chat.send('Written while offline.');
      await expect(chat.page.locator('[data-composer-status]')).toContainText('held');
    },
  },
};

const LOOKS = [
  { name: 'light-1280', scheme: 'light', size: { width: 1280, height: 800 } },
  { name: 'dark-1280', scheme: 'dark', size: { width: 1280, height: 800 } },
  { name: 'light-390', scheme: 'light', size: { width: 390, height: 844 } },
  { name: 'dark-390', scheme: 'dark', size: { width: 390, height: 844 } },
] as const;

/** Colours are read from what is painted, so the page must not be in between. */
async function inspect(page: Page, state: string): Promise<void> {
  for (const look of LOOKS) {
    await page.setViewportSize(look.size);
    await page.emulateMedia({ colorScheme: look.scheme, reducedMotion: 'reduce' });
    await picture(page, `${state}-${look.name}`);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(grave.map(({ id, nodes }) => `${state} ${look.name}: ${id} at ${nodes.map((node) => node.target).join(', ')}`)).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow, `${state} ${look.name} is wider than the window`).toBeLessThanOrEqual(0);
  }
}

for (const [state, { ask, reached }] of Object.entries(STATES)) {
  test(`${state} looks right and is accessible`, async ({ chat, page }) => {
    await chat.send(ask);
    await reached(chat);
    await inspect(page, state);
  });
}

test('an empty page, the models page and the drawer look right and are accessible', async ({ page, house }) => {
  await page.goto(house.url);
  await expect(page.locator('[data-first]')).toBeVisible();
  await inspect(page, 'empty');
  await page.goto(`${house.url}/models`);
  await expect(page.locator('[data-model]').first()).toBeVisible();
  await inspect(page, 'models');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole('button', { name: 'Menu' }).click();
  await expect(page.getByRole('link', { name: 'New conversation' })).toBeVisible();
  await picture(page, 'drawer-390');
});

test('forced colours and reduced motion keep every state visible', async ({ chat, page }) => {
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  await chat.send('SCN-401#forced');
  await expect(chat.answerIn('failed')).toBeVisible();
  const border = await chat.answer.locator('.keel').evaluate((keel) => getComputedStyle(keel).borderLeftStyle);
  expect(border).toBe('double');
  await picture(page, 'forced-colours');
});

test('the first visit weighs at most 300 KB in at most twelve requests', async ({ page, house }) => {
  const sizes: number[] = [];
  page.on('requestfinished', async (request) => {
    if (request.url().includes('/api/events')) return;
    sizes.push((await request.sizes()).responseBodySize);
  });
  let requests = 0;
  page.on('request', () => (requests += 1));
  await page.goto(house.url);
  await expect(page.locator('[data-first]')).toBeVisible();
  await page.waitForLoadState('load');
  expect(requests).toBeLessThanOrEqual(12);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(300_000);
});

test('only transitions are announced, and "finished" only when it is', async ({ chat, page }) => {
  await page.evaluate(() => {
    const said: string[] = [];
    Object.assign(window, { said });
    for (const region of document.querySelectorAll('[role="status"].unseen, [role="alert"]')) {
      new MutationObserver(() => said.push(region.textContent ?? '')).observe(region, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    }
  });
  const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said.map((words) => words.trim()).filter(Boolean));
  await chat.send('SCN-ok#said');
  await expect(chat.answerIn('done')).toBeVisible();
  await expect.poll(said).toContain('Finished, 50 words.');
  await chat.send('SCN-401#said');
  await expect.poll(said).toContainEqual(expect.stringContaining('cloud-b will not accept our key.'));
  const all = await said();
  expect(all.length).toBeLessThanOrEqual(8);
  expect(all.filter((words) => words.startsWith('Finished'))).toHaveLength(1);
  await expect(page.locator('[role="log"]')).toHaveAttribute('aria-live', 'off');
});

test('keys walk through the messages, press their buttons, and choose who answers', async ({ chat, page }) => {
  await chat.send('SCN-401#keys');
  await expect(chat.answerIn('failed')).toBeVisible();
  await page.keyboard.press('Alt+ArrowUp');
  await expect(chat.answer).toBeFocused();
  await page.keyboard.press('d');
  await expect(chat.answer.locator('[data-copy="log.failed"]')).toBeVisible();
  await page.keyboard.press('Alt+ArrowUp');
  await expect(page.locator('[data-role="user"]')).toBeFocused();
  await page.keyboard.press('Control+Shift+Digit2');
  await expect(page.locator('label[data-tier="smart"] input')).toBeChecked();
});

test('focus stays in the composer through sending, failing and stopping', async ({ chat, page }) => {
  await chat.send('SCN-401#focus');
  await expect(chat.answerIn('failed')).toBeVisible();
  await expect(page.locator('#composer')).toBeFocused();
  await chat.send('SCN-slow#focus');
  await expect(chat.answerIn('streaming')).toBeVisible();
  await expect(page.locator('#composer')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(chat.answerIn('stopped')).toBeVisible();
  await expect(page.locator('#composer')).toBeFocused();
});
