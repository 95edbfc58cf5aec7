import type { Socket } from 'node:net';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findProgram, missingPackages } from '../../../scripts/servers.mjs';
import { API_KEY } from '../../api/support/api-server.js';
import { startCometApp, type CometApp } from '../../comet/support/comet-app.js';
import { eventually } from '../../support/wait.js';

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser: Browser;
let app: CometApp;
let sockets: Set<Socket>;
let context: BrowserContext;
let complaints: string[];
let asked: string[];
let count = 0;
let user: string;

beforeAll(async () => {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) {
    const packages = missingPackages({ redis: false, zookeeper: false, browser: true });
    throw new Error(`a browser is needed: apt-get install --no-install-recommends ${packages.join(' ')}`);
  }
  browser = await chromium.launch({ executablePath, args: QUIET });
  app = await startCometApp();
  sockets = new Set();
  app.api.app.getHttpServer().on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
});

afterAll(async () => {
  await browser.close();
  await app.stop();
});

beforeEach(async () => {
  user = `ada-${++count}`;
  complaints = [];
  asked = [];
  context = await browser.newContext();
});

afterEach(() => context.close());

async function open(fragment: string, within = context): Promise<Page> {
  const page = await within.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(`${app.api.url}/#${fragment}`);
  return page;
}

const live = (page: Page) => page.locator('#connection[data-state=live]').waitFor();
const titles = (page: Page) => page.locator('.reminder .title').allTextContents();
const card = (page: Page, title: string) => page.locator('.reminder', { hasText: title });

async function send(title: string): Promise<void> {
  await app.sender.send({ namespace: 'default', users: [user], message: { title }, dedupKey: title });
}

async function stateOf(title: string): Promise<string | undefined> {
  const { body } = await app.api.call.get(`/v1/namespaces/default/users/${user}/inbox`);
  return (body as { items: { title: string; state: string }[] }).items.find((item) => item.title === title)?.state;
}

describe('the page in a browser', () => {
  it('shows a reminder the moment it is sent, and tells that it was seen', async () => {
    const page = await open(`key=${API_KEY}&user=${user}`);
    await live(page);
    await send('Tea with Grace');
    await card(page, 'Tea with Grace').waitFor();
    await eventually('the receipt', async () => (await stateOf('Tea with Grace')) === 'displayed');
    expect(await page.title()).toBe('(1) CloudJob');
    expect(complaints).toEqual([]);
  });

  it('keeps the key out of every address, also its own', async () => {
    const page = await open(`key=${API_KEY}&user=${user}`);
    await live(page);
    expect(asked.filter((url) => url.includes(API_KEY))).toEqual([]);
    expect(asked.length).toBeGreaterThan(5);
    expect(page.url()).toBe(`${app.api.url}/`);
    await page.reload();
    await live(page);
  });

  it('gets what it missed while it was offline, once and in order', async () => {
    const page = await open(`key=${API_KEY}&user=${user}`);
    await live(page);
    await send('first');
    await card(page, 'first').waitFor();
    await context.setOffline(true);
    await page.getByText('Offline').waitFor();
    await send('second');
    await send('third');
    expect(await titles(page)).toEqual(['first']);
    await context.setOffline(false);
    await card(page, 'third').waitFor();
    await live(page);
    await send('fourth');
    await card(page, 'fourth').waitFor();
    expect(await titles(page)).toEqual(['fourth', 'third', 'second', 'first']);
  });

  it('comes back by itself when the server cuts it off, and gets each reminder once', async () => {
    const page = await open(`key=${API_KEY}&user=${user}`);
    await live(page);
    await send('before');
    await card(page, 'before').waitFor();
    for (const socket of sockets) socket.destroy();
    await send('meanwhile');
    await card(page, 'meanwhile').waitFor();
    await live(page);
    await send('after');
    await card(page, 'after').waitFor();
    expect(await titles(page)).toEqual(['after', 'meanwhile', 'before']);
  });

  it('dismisses on all devices of the user, and for good', async () => {
    const other = await browser.newContext();
    const fragment = `key=${API_KEY}&user=${user}`;
    const [page, second] = [await open(fragment), await open(fragment, other)];
    await Promise.all([live(page), live(second)]);
    await send('keep');
    await send('done');
    await Promise.all([card(page, 'done').waitFor(), card(second, 'done').waitFor()]);
    await page.getByRole('button', { name: 'Dismiss done' }).click();
    await card(second, 'done').waitFor({ state: 'detached' });
    await page.reload();
    await card(page, 'keep').waitFor();
    await live(page);
    expect(await titles(page)).toEqual(['keep']);
    await other.close();
  });

  it('shows a user with a ticket the reminders and nothing else', async () => {
    const { body } = await app.api.call.post(`/v1/namespaces/default/users/${user}/tickets`).send({});
    const page = await open(`ticket=${(body as { ticket: string }).ticket}`);
    await live(page);
    await send('hello');
    await card(page, 'hello').waitFor();
    await page.reload();
    await card(page, 'hello').waitFor();
    expect(await page.locator('#side').isVisible()).toBe(false);
    expect(await page.locator('#user-form').isVisible()).toBe(false);
    expect(asked.filter((url) => url.includes('/v1/namespaces'))).toEqual([]);
  });

  it('says that a ticket is not accepted and does not try for ever', async () => {
    const page = await open('ticket=forged.ticket');
    await page.getByText('Not connected: ticket refused').waitFor();
  });

  it('asks for the key when it has none or a wrong one', async () => {
    const page = await open('');
    await page.getByRole('heading', { name: 'Open your cluster' }).waitFor();
    await page.getByPlaceholder('API key').fill('wrong');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('The server does not know this key.').waitFor();
    await page.getByPlaceholder('API key').fill(API_KEY);
    await page.getByRole('button', { name: 'Open' }).click();
    await live(page);
  });

  it('never takes text of a reminder for markup', async () => {
    const page = await open(`key=${API_KEY}&user=${user}`);
    await live(page);
    await send('<img src=x onerror=document.title="owned"><b>bold</b>');
    await card(page, '<b>bold</b>').waitFor();
    expect(await page.locator('.reminder b, .reminder img').count()).toBe(0);
    expect(await page.title()).toBe('(1) CloudJob');
  });

  it('switches to another user', async () => {
    await send('for the second');
    const page = await open(`key=${API_KEY}&user=somebody`);
    await live(page);
    await page.getByLabel('User').fill(user);
    await page.getByLabel('User').press('Enter');
    await card(page, 'for the second').waitFor();
  });
});
