// What a person sees when a server misbehaves: what is tried, how often, what they can do, and that nothing is lost.
import { BIG, expect, KEY, test } from './house.ts';
import { words } from './upstream.ts';

test('503 twice, then fine: both waits are seen, three calls are made, nobody has to do anything', async ({ chat }) => {
  await chat.send('SCN-503x2#seen');
  await expect(chat.answerIn('done')).toBeVisible();
  await expect(chat.words).toHaveText(words(50));
  const passed = await chat.passed(await chat.runId());
  expect(passed).toEqual(expect.arrayContaining(['connecting 2', 'connecting 3', 'streaming 3', 'done 3']));
  await expect(chat.answer.locator('[data-copy="answer.recovered"]')).toHaveText('recovered, 2 retries');
  expect(await chat.house.upstream.calls('SCN-503x2#seen')).toHaveLength(3);
});

test('a server that never mends fails after five calls, with the ways out', async ({ chat }) => {
  await chat.send('SCN-503#forever');
  await expect(chat.answerIn('failed')).toBeVisible();
  await expect(chat.answer).toHaveAttribute('data-error-class', 'upstream.busy');
  await expect(chat.answer).toHaveAttribute('data-retryable', 'true');
  await expect(chat.answer).toHaveAttribute('data-attempts', '5');
  expect(await chat.buttons()).toEqual(['Try again', 'Dismiss']);
  expect(await chat.house.upstream.calls('SCN-503#forever')).toHaveLength(5);
});

test('a wait can be ended', async ({ chat }) => {
  await chat.send('SCN-429#now');
  await chat.act('try_now').click();
  await expect(chat.answerIn('done')).toBeVisible();
  const calls = await chat.house.upstream.calls('SCN-429#now');
  expect(calls).toHaveLength(2);
  expect(calls[1]!.at_ms - calls[0]!.at_ms).toBeLessThan(1_900);
});

test('401 is final: one call, no "Try again", no key anywhere', async ({ chat }) => {
  await chat.send('SCN-401#key');
  await expect(chat.answerIn('failed')).toBeVisible();
  await expect(chat.answer).toHaveAttribute('data-error-class', 'auth.key');
  await expect(chat.answer).toHaveAttribute('data-retryable', 'false');
  await expect(chat.answer.locator('[data-copy="err.auth.key"]')).toHaveText('cloud-b will not accept our key.');
  expect(await chat.buttons()).not.toContain('Try again');
  await chat.act('details').click();
  await expect(chat.answer.locator('[data-copy="log.failed"]')).toBeVisible();
  const html = await chat.page.content();
  expect(html).not.toContain(KEY);
  expect(html).not.toMatch(/sk-[\w*]{4,}/);
  expect(await chat.house.upstream.calls('SCN-401#key')).toHaveLength(1);
});

test('a page of HTML in place of an answer is told in a plain sentence', async ({ chat }) => {
  await chat.send('SCN-502html#page');
  await expect(chat.answerIn('failed')).toBeVisible();
  await chat.act('details').click();
  await expect(chat.answer.locator('[data-copy="log.failed"]')).toBeVisible();
  expect(await chat.answer.innerText()).not.toMatch(/<|html|nginx|bad gateway/i);
  await expect(chat.answer).toHaveAttribute('data-error-class', /^upstream\./);
});

test('a stream without its end marker is never a finished answer, and keeps its words', async ({ chat }) => {
  await chat.send('SCN-cut#marker');
  await expect(chat.answerIn('interrupted')).toBeVisible();
  await expect(chat.words).toContainText(words(14));
  expect(await chat.passed(await chat.runId())).not.toContain('done');
  expect(await chat.buttons()).toEqual(['Continue', 'Start over', 'Keep as is']);
});

test('a reset in the middle loses no word that was seen', async ({ chat }) => {
  await chat.send('SCN-reset#line');
  await expect(chat.page.locator('[data-state="done"], [data-state="interrupted"]').last()).toBeVisible();
  await expect(chat.words).toContainText(words(14));
});

test('a conversation that is too long is told as such, with the ways out', async ({ chat }) => {
  await chat.send('SCN-ctx#long');
  await expect(chat.answerIn('failed')).toHaveAttribute('data-error-class', 'input.too_long');
  expect(await chat.buttons()).toEqual(['New conversation', 'Dismiss']);
});

test('a rate limit is waited for as long as the server asked', async ({ chat }) => {
  await chat.send('SCN-429#limit');
  const waiting = chat.page.locator('[data-state="connecting"][data-attempt="2"][data-error-class="upstream.rate"]');
  await expect(waiting.locator('[data-copy="err.upstream.rate"]')).toHaveText('cloud-b asked us to wait 2 s.');
  await expect(waiting.locator('[data-copy="answer.retry_in"]')).toHaveText(/^Trying again, 2 of 5, in [01]\.\d s\.$/);
  await expect(chat.answerIn('done')).toBeVisible();
  const calls = await chat.house.upstream.calls('SCN-429#limit');
  expect(calls).toHaveLength(2);
  expect(calls[1]!.at_ms - calls[0]!.at_ms).toBeGreaterThanOrEqual(2_000);
});

test('Stop ends the answer at once, at the upstream too, and keeps its words', async ({ chat }) => {
  await chat.send('SCN-slow#stop');
  await expect(chat.words).toContainText(words(5));
  await chat.page.locator('[data-act="composer-stop"]').click();
  await expect(chat.answerIn('stopped')).toHaveAttribute('data-reason', 'user_stop');
  await expect(chat.answer.locator('[data-copy="answer.stopped.user_stop"]')).toHaveText('stopped by you');
  await expect(chat.words).toContainText(words(5));
  await expect.poll(async () => (await chat.house.upstream.calls('SCN-slow#stop'))[0]?.closed_by_client).toBe(true);
  await expect(chat.page.locator('#composer')).toBeFocused();
});

test('Escape stops before the first word', async ({ chat }) => {
  await chat.send('SCN-hang#escape');
  await expect(chat.answerIn('connecting')).toBeVisible();
  await chat.page.keyboard.press('Escape');
  await expect(chat.answerIn('stopped').locator('[data-copy="answer.stopped.empty"]')).toBeVisible();
});

test('a failure survives a reload, can be put away, and shown again', async ({ chat }) => {
  await chat.send('SCN-401#again');
  await expect(chat.answerIn('failed')).toBeVisible();
  await chat.page.reload();
  await expect(chat.answerIn('failed')).toHaveAttribute('data-error-class', 'auth.key');
  await chat.act('dismiss').click();
  await expect(chat.answer.locator('[data-copy="answer.dismissed"]')).toBeVisible();
  await chat.page.reload();
  await chat.act('show').click();
  await expect(chat.answer.locator('[data-copy="err.auth.key"]')).toBeVisible();
});

test('after Try again the failed attempt remains as version 1 of 2', async ({ chat }) => {
  await chat.send('SCN-503#versions');
  await expect(chat.answerIn('failed')).toBeVisible();
  await chat.act('try_again').click();
  await expect(chat.answer.locator('[data-copy="answer.version"]')).toHaveText('2 of 2');
  await chat.page.locator('[data-act="previous"]').click();
  await expect(chat.answerIn('failed').locator('[data-copy="answer.version"]')).toHaveText('1 of 2');
});

test('while one answer runs the next message waits, can be changed, and is answered by itself', async ({ chat }) => {
  await chat.send('SCN-slow#busy');
  await expect(chat.answerIn('streaming')).toBeVisible();
  await chat.send('What about fog?');
  const queued = chat.page.locator('[data-role="user"][data-state="queued"]');
  await expect(queued).toBeVisible();
  await queued.locator('[data-act="edit"]').click();
  await queued.getByRole('textbox').fill('What about ice?');
  await queued.locator('[data-act="save"]').click();
  await expect(queued).toContainText('What about ice?');
  await expect(chat.page.locator('[data-state="done"]')).toHaveCount(2, { timeout: 40_000 });
  await expect(chat.page.locator('[data-role="user"]').last()).toContainText('What about ice?');
});

test('a message that waits can be removed, and one that waits can be sent at once', async ({ chat }) => {
  await chat.send('SCN-slow#first');
  await expect(chat.answerIn('streaming')).toBeVisible();
  await chat.send('Never mind this');
  await chat.send('SCN-ok#now');
  const queued = chat.page.locator('[data-role="user"][data-state="queued"]');
  await expect(queued).toHaveCount(2);
  await queued.first().locator('[data-act="remove"]').click();
  await expect(queued).toHaveCount(1);
  await queued.locator('[data-act="send-now"]').click();
  await expect(chat.page.locator('[data-reason="superseded"]')).toBeVisible();
  await expect(chat.answerIn('done')).toBeVisible();
  await expect(chat.page.getByText('Never mind this')).toHaveCount(0);
});

test('what is sent is what was typed, sign by sign', async ({ chat }) => {
  const typed = '503x2 -- (c) 1/2 ... "quotes" \'single\'\n\ttab and  two spaces 👩🏽‍🚀 ‏שלום';
  await chat.send(typed);
  await expect(chat.answerIn('done')).toBeVisible();
  const id = new URL(chat.page.url()).pathname.split('/').at(-1);
  const view = await chat.house.json<{ turns: { message: { text: string } }[] }>(`/api/conversations/${id}`);
  expect(view.turns[0]!.message.text).toBe(typed);
});

test('the chosen model is kept for the next visit', async ({ chat }) => {
  await chat.page.reload();
  await expect(chat.page.locator(`label[data-tier="${BIG}"] input`)).toBeChecked();
});
