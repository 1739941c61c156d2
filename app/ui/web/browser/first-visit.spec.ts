// The first visit, with the real model: writing comes first, loading beside it, the answer by itself.
import { BIG, expect, QUICK, test } from './house.ts';

test.describe('with a model that is not loaded', () => {
  test.use({ quick: 'asked' });

  test('a message sent while Quick wakes waits in line and is answered without another click', async ({ chat, page }) => {
    await expect(page.locator('#composer')).toBeFocused();
    await page.keyboard.type('Say hello.');
    await page.keyboard.press('Enter');
    await expect(page.locator('#composer')).toHaveValue('');
    await expect(page.locator('[data-role="user"]')).toContainText('Say hello.');
    await expect(chat.answerIn('done')).toBeVisible({ timeout: 80_000 });
    await expect(page.locator('html')).toHaveAttribute('data-engine', 'ready');
    await expect(page.locator('html')).toHaveAttribute('data-progress', '100');
    const run = await chat.house.run(await chat.runId());
    expect(run.text.trim()).not.toBe('');
    expect((await chat.words.innerText()).replace(/\s+/g, ' ').trim().slice(0, 5)).toBe(run.text.replace(/\s+/g, ' ').trim().slice(0, 5));
  });

  test('after Cancel the message stays in line, and Load answers it', async ({ chat, page }) => {
    await chat.send('Say hello.');
    const queued = page.locator('[data-role="user"][data-state="queued"]');
    // A message that arrives after the cancelling asks for the model anew, rightly.
    await expect(queued).toBeVisible();
    await page.locator('[data-act="cancel-load"]').click();
    await expect(queued.locator('[data-copy="load.none"]')).toHaveText('Quick is not loaded.');
    await expect(queued.locator('[data-act="answer_with"]')).toHaveText('Answer with Big');
    await expect(page.locator('html')).toHaveAttribute('data-engine', 'absent');
    await page.reload();
    await expect(queued.locator('[data-copy="load.none"]')).toBeVisible();
    await queued.locator('[data-act="load"]').click();
    await expect(chat.answerIn('done')).toBeVisible({ timeout: 60_000 });
  });

  test('progress never falls', async ({ page, house }) => {
    await page.goto(house.url);
    await expect(page.locator('html')).toHaveAttribute('data-engine', 'ready', { timeout: 80_000 });
    const events = await page.evaluate(() => window.__steadfast?.events ?? []);
    const percents = events.filter((event) => event.what === 'progress').map((event) => Number(event.to));
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
  });
});

test.describe('with a model that is ready', () => {
  test.use({ quick: 'ready' });

  test('another model that is chosen while an answer runs may finish it', async ({ chat, page }) => {
    await chat.choose(BIG);
    await chat.send('SCN-slow#switch');
    await expect(chat.words).toContainText('amber1');
    await chat.choose('quick');
    await chat.act('finish_with').click();
    const first = page.locator('[data-reason="model_switch"]');
    await expect(page.locator('[data-role="assistant"][data-tier="quick"]')).toBeVisible();
    await expect(chat.words).toContainText('amber1');
    await expect(chat.answer.locator('[data-copy="answer.version"]')).toHaveText('2 of 2');
    await chat.page.locator('[data-act="previous"]').click();
    await expect(first).toBeVisible();
  });

  test('a failed answer can be given by another model with one click', async ({ chat }) => {
    await chat.choose(BIG);
    await chat.send('Say hello. SCN-401#other');
    await expect(chat.answerIn('failed')).toBeVisible();
    expect((await chat.buttons())[0]).toBe('Answer with Quick');
    await chat.act('answer_with').click();
    await expect(chat.answerIn('done')).toHaveAttribute('data-tier', 'quick', { timeout: 60_000 });
  });

  test('the models page unloads and loads', async ({ page, house }) => {
    await page.goto(`${house.url}/models`);
    const quick = page.locator(`[data-model="${QUICK}"]`);
    await expect(quick).toHaveAttribute('data-phase', 'ready');
    await quick.locator('[data-act="unload"]').click();
    await expect(quick).toHaveAttribute('data-phase', 'idle');
    await quick.locator('[data-act="load"]').click();
    await expect(quick).toHaveAttribute('data-phase', 'ready', { timeout: 60_000 });
  });
});

test.describe('with a model that cannot be had', () => {
  test('the failure is told where it matters, and another model can answer what waits', async ({ chat, page }) => {
    await chat.choose('quick');
    await chat.send('SCN-ok#instead');
    await expect(
      page.locator(`[data-state="queued"] [data-act="answer_with"], [data-state="failed"] [data-act="answer_with"]`).first(),
    ).toBeVisible({ timeout: 60_000 });
    await page.locator('[data-act="answer_with"]').first().click();
    await expect(chat.answerIn('done')).toHaveAttribute('data-tier', BIG);
  });
});
