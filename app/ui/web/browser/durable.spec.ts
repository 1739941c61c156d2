// Nothing is lost: reloads, dead servers, dead lines, several tabs.
import { expect, test } from './house.ts';
import { words } from './upstream.ts';

test('a reload in the middle of an answer loses no word', async ({ chat }) => {
  await chat.send('SCN-slow#reload');
  await expect(chat.words).toContainText(words(6));
  await chat.page.reload();
  await expect(chat.words).toContainText(words(6));
  await chat.page.reload();
  await expect(chat.answerIn('done')).toBeVisible({ timeout: 40_000 });
  await expect(chat.words).toHaveText(words(80));
  expect((await chat.house.run(await chat.runId())).text.trim()).toBe(words(80));
  expect(await chat.house.upstream.calls('SCN-slow#reload')).toHaveLength(1);
});

test('a server that was killed comes back to the same page: the message and the words are there, marked interrupted', async ({ chat }) => {
  await chat.send('SCN-slow#killed');
  await expect(chat.words).toContainText(words(10));
  await chat.house.kill();
  const seen = (await chat.words.innerText()).trim();
  await expect(chat.page.locator('html')).toHaveAttribute('data-link', 'reconnecting');
  await expect(chat.words).toContainText(seen);
  await chat.house.again();
  await expect(chat.answerIn('interrupted')).toBeVisible();
  await expect(chat.page.locator('html')).toHaveAttribute('data-link', 'online');
  await expect(chat.words).toContainText(seen);
  await expect(chat.answer.locator('[data-copy="err.stream.restart"]')).toBeVisible();
  await chat.page.reload();
  await expect(chat.answerIn('interrupted')).toBeVisible();
  // Words go to the disk every 250 ms, so the last ones before a kill may be missing; never as many as five.
  await expect(chat.words).toContainText(words(5));
});

test('an interrupted answer can be kept as it is', async ({ chat }) => {
  await chat.send('SCN-slow#kept');
  await expect(chat.words).toContainText(words(5));
  await chat.house.kill();
  await chat.house.again();
  await expect(chat.answerIn('interrupted')).toBeVisible();
  await chat.act('keep').click();
  await expect(chat.answer).toHaveAttribute('data-dismissed', 'true');
  await expect(chat.words).toContainText(words(5));
  expect(await chat.buttons()).toEqual(['Copy', 'Start over']);
});

test('a message written while the server is away is kept, survives a reload of the page’s life, and goes out by itself', async ({
  chat,
}) => {
  await chat.send('SCN-ok#before');
  await expect(chat.answerIn('done')).toBeVisible();
  await chat.house.kill();
  await expect(chat.page.locator('html')).toHaveAttribute('data-link', 'reconnecting');
  await chat.send('SCN-ok#held');
  const held = chat.page.locator('[data-role="user"][data-saved="device"]');
  await expect(held).toContainText('SCN-ok#held');
  await expect(chat.page.locator('#composer')).toHaveValue('');
  await chat.house.again();
  await expect(chat.page.locator('[data-state="done"]')).toHaveCount(2);
  await expect(held).toHaveCount(0);
  expect(await chat.house.upstream.calls('SCN-ok#held')).toHaveLength(1);
});

test('a message that did not leave yet can be taken back into the composer', async ({ chat, page }) => {
  await page.route('**/messages', (route) => route.abort('connectionrefused'));
  await chat.send('SCN-ok#taken');
  await page.locator('[data-act="take-back"]').click();
  await expect(page.locator('#composer')).toHaveValue('SCN-ok#taken');
  await expect(page.locator('[data-role="user"]')).toHaveCount(0);
  await page.unroute('**/messages');
  await page.keyboard.press('Enter');
  await expect(chat.answerIn('done')).toBeVisible();
  expect(await chat.house.upstream.calls('SCN-ok#taken')).toHaveLength(1);
});

test('offline: the message is held, and sent once when the line is back', async ({ chat, context }) => {
  await chat.send('SCN-ok#online');
  await expect(chat.answerIn('done')).toBeVisible();
  await context.setOffline(true);
  await expect(chat.page.locator('html')).toHaveAttribute('data-link', 'offline');
  await chat.send('SCN-ok#offline');
  await expect(chat.page.locator('[data-saved="device"]')).toBeVisible();
  await expect(chat.page.locator('[data-composer-status]')).toContainText('Offline, 1 held');
  await context.setOffline(false);
  await expect(chat.page.locator('[data-state="done"]')).toHaveCount(2);
  await expect(chat.page.locator('html')).toHaveAttribute('data-link', 'online');
  expect(await chat.house.upstream.calls('SCN-ok#offline')).toHaveLength(1);
});

test('a receipt that got lost does not send the message twice', async ({ chat, page }) => {
  let dropped = 0;
  await page.route('**/messages', async (route) => {
    if (dropped++ > 0) return route.continue();
    await route.fetch();
    await route.abort('connectionreset');
  });
  await chat.send('SCN-ok#receipt');
  await expect(chat.answerIn('done')).toBeVisible();
  expect(dropped).toBeGreaterThan(1);
  await expect(page.locator('[data-role="user"]')).toHaveCount(1);
  expect(await chat.house.upstream.calls('SCN-ok#receipt')).toHaveLength(1);
});

test('a second tab follows word for word, and Stop there stops here', async ({ chat, context }) => {
  await chat.send('SCN-slow#tabs');
  await expect(chat.words).toContainText(words(3));
  const second = await context.newPage();
  await second.goto(chat.page.url());
  const there = second.locator('[data-role="assistant"]').last();
  await expect(there.locator('.prose')).toContainText(words(8));
  await second.locator('[data-act="composer-stop"]').click();
  await expect(chat.answerIn('stopped')).toBeVisible();
  await expect(there).toHaveAttribute('data-state', 'stopped');
  expect(await there.locator('.prose').innerText()).toBe(await chat.words.innerText());
});

test('a message that waits in one tab is seen in the other, and removed in both', async ({ chat, context }) => {
  await chat.send('SCN-slow#queue');
  await expect(chat.answerIn('streaming')).toBeVisible();
  const second = await context.newPage();
  await second.goto(chat.page.url());
  await chat.send('Waits in both');
  const there = second.locator('[data-role="user"][data-state="queued"]');
  await expect(there).toContainText('Waits in both');
  await there.locator('[data-act="remove"]').click();
  await expect(chat.page.locator('[data-role="user"][data-state="queued"]')).toHaveCount(0);
});

test('all tabs listen on one line, and when its tab is closed another takes over', async ({ chat, context }) => {
  const opened: string[] = [];
  context.on('request', (request) => request.url().endsWith('/api/events') && opened.push(request.url()));
  const [second, third] = [await context.newPage(), await context.newPage()];
  for (const page of [second, third]) {
    await page.goto(chat.house.url);
    await expect(page.locator('[data-copy="list.empty"]')).toBeVisible();
  }
  expect(opened).toHaveLength(0);
  await chat.page.close();
  await expect.poll(() => opened.length).toBe(1);
  await second.locator('#composer').fill('SCN-ok#leader');
  await second.keyboard.press('Enter');
  await expect(third.locator('[data-conversation]')).toContainText('SCN-ok#leader');
  await expect(second.locator('[data-state="done"]')).toBeVisible();
});

test('a draft survives a reload, in its own conversation', async ({ chat, page }) => {
  await page.locator('#composer').fill('half a thou');
  await expect(page.locator('[data-copy="composer.draft"]')).toBeVisible();
  await page.reload();
  await expect(page.locator('#composer')).toHaveValue('half a thou');
  await page.locator('#composer').fill('SCN-ok#draft');
  await page.keyboard.press('Enter');
  await expect(chat.answerIn('done')).toBeVisible();
  await page.locator('#composer').fill('a second draft');
  await page.getByRole('link', { name: 'New conversation' }).click();
  await expect(page.locator('#composer')).toHaveValue('');
  await page.goBack();
  await expect(page.locator('#composer')).toHaveValue('a second draft');
});

test('the ring of transitions holds no text', async ({ chat }) => {
  await chat.send('SCN-ok#ring');
  await expect(chat.answerIn('done')).toBeVisible();
  const ring = JSON.stringify(await chat.page.evaluate(() => window.__steadfast?.events));
  expect(ring).toContain('streaming');
  expect(ring).not.toContain('SCN-ok');
  expect(ring).not.toContain('amber');
});
