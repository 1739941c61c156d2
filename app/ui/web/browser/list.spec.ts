// The list of conversations: names, deleting and taking it back, and what goes on in each.
import { expect, test } from './house.ts';

test('a conversation can be renamed', async ({ chat, page }) => {
  await chat.send('SCN-ok#rename');
  await expect(chat.answerIn('done')).toBeVisible();
  await page.locator('[data-act="rename"]').click();
  await page.getByRole('textbox', { name: 'New name' }).fill('Tide tables');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-conversation]')).toContainText('Tide tables');
  await expect(page).toHaveTitle('Tide tables – steadfast');
  await page.reload();
  await expect(page.locator('[data-conversation]')).toContainText('Tide tables');
});

test('a deleted conversation can be taken back for ten seconds', async ({ chat, page }) => {
  await chat.send('SCN-ok#delete');
  await expect(chat.answerIn('done')).toBeVisible();
  await page.locator('[data-act="delete"]').click();
  await expect(page.locator('[data-copy="list.deleted"]')).toBeVisible();
  await page.locator('[data-act="undo"]').click();
  await expect(chat.answerIn('done')).toBeVisible();
  await page.locator('[data-act="delete"]').click();
  await expect(page.locator('[data-copy="list.deleted"]')).toHaveCount(0, { timeout: 15_000 });
  await expect(page.locator('[data-copy="list.empty"]')).toBeVisible();
});

test('the list says what goes on in a conversation that is not open', async ({ chat, page }) => {
  await chat.send('SCN-slow#elsewhere');
  await expect(chat.answerIn('streaming')).toBeVisible();
  await page.getByRole('link', { name: 'New conversation' }).click();
  const row = page.locator('[data-conversation]');
  await expect(row.locator('.afloat')).toHaveText('answering');
  await expect(row).toHaveAttribute('data-activity', 'done', { timeout: 40_000 });
});

test('an address of a conversation that does not exist says so, and leads on', async ({ page, house }) => {
  await page.goto(`${house.url}/c/0195c0de-0000-7000-8000-000000000000`);
  await expect(page.locator('[data-copy="thread.gone"]')).toBeVisible();
  await expect(page.locator('[data-role="log"], [role="log"]').getByRole('link', { name: 'New conversation' })).toBeVisible();
});
