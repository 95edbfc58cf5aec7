import { CometClient } from '/comet-client.js';

/** The page: reminders as they arrive, what comes up, what has run. All text is set as text, never as markup. */

const $ = (id) => document.getElementById(id);
const session = readSession();
const locale = undefined; // the viewer's
const dayTime = new Intl.DateTimeFormat(locale, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const timeOnly = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });

const UPCOMING_SHOWN = 12;
const ACTIVITY_SHOWN = 14;
const UPCOMING_EVERY_MS = 30_000;

let comet = null;
let connection = { state: 'stopped' };
let retryAt = 0;
/** By message key. */
const reminders = new Map();
/** Keys that were dismissed here; the server may not know yet. */
const dismissed = new Set();
/** By execution id, newest first when shown. */
const activity = new Map();
let upcoming = [];
let upcomingTimer = 0;
/** What people call a job, by its name. */
const titles = new Map();
/** What schedules mean in words. */
const descriptions = new Map();

start();

function start() {
  $('key-form').addEventListener('submit', onKey);
  $('user-form').addEventListener('submit', (event) => event.preventDefault());
  $('user').addEventListener('change', onUser);
  $('remind-form').addEventListener('submit', onRemind);
  $('reminder-list').addEventListener('click', onReminderClick);
  addEventListener('hashchange', () => location.hash.includes('=') && location.reload());
  setInterval(tick, 1000);
  if (session.key === null && session.ticket === null) askForKey();
  else void open();
}

/** Key or ticket, user and namespace: from the fragment, which is never sent to a server, then from this tab. */
function readSession() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if ([...fragment.keys()].length > 0) history.replaceState(null, '', location.pathname);
  // Another key or ticket replaces both.
  if (fragment.has('key') || fragment.has('ticket'))
    for (const name of ['key', 'ticket']) sessionStorage.removeItem(`cloudjob.${name}`);
  const read = (name, fallback) => {
    const value = fragment.get(name) ?? sessionStorage.getItem(`cloudjob.${name}`);
    if (value !== null) sessionStorage.setItem(`cloudjob.${name}`, value);
    return value ?? fallback;
  };
  return {
    key: read('key', null),
    ticket: read('ticket', null),
    user: read('user', 'demo'),
    namespace: read('namespace', 'default'),
  };
}

function deviceName() {
  const known = localStorage.getItem('cloudjob.device');
  const name = known ?? `browser-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  if (known === null) localStorage.setItem('cloudjob.device', name);
  return name;
}

// ── session ─────────────────────────────────────────────────────────────────────────────────────────────────

function askForKey(message) {
  $('board').hidden = true;
  $('user-form').hidden = true;
  $('sign-in').hidden = false;
  $('key-error').hidden = message === undefined;
  $('key-error').textContent = message ?? '';
  $('key').focus();
}

function onKey(event) {
  event.preventDefault();
  session.key = $('key').value.trim();
  sessionStorage.setItem('cloudjob.key', session.key);
  void open();
}

function onUser() {
  const input = $('user');
  if (!input.reportValidity() || input.value === session.user) return;
  session.user = input.value;
  sessionStorage.setItem('cloudjob.user', session.user);
  void openMailbox();
}

async function open() {
  const hasKey = session.key !== null;
  if (hasKey) {
    try {
      await call('GET', `${base()}/jobs?limit=1`);
    } catch (error) {
      if (error.status === 401) {
        session.key = null;
        sessionStorage.removeItem('cloudjob.key');
        askForKey('The server does not know this key.');
        return;
      }
    }
  }
  $('sign-in').hidden = true;
  $('board').hidden = false;
  $('board').classList.toggle('single', !hasKey);
  $('side').hidden = !hasKey;
  $('user-form').hidden = !hasKey;
  $('remind-form').hidden = !hasKey;
  $('user').value = session.user;
  $('zone').textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  void openMailbox();
  if (!hasKey) return;
  void loadUpcoming();
  void loadActivity();
  void followEvents();
}

// ── server ──────────────────────────────────────────────────────────────────────────────────────────────────

function base() {
  return `/v1/namespaces/${encodeURIComponent(session.namespace)}`;
}

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer ${session.key ?? session.ticket}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.detail ?? answer.title ?? response.statusText), { status: response.status });
}

function notify(text) {
  $('notice').hidden = text === null;
  $('notice').textContent = text ?? '';
}

// ── reminders ───────────────────────────────────────────────────────────────────────────────────────────────

async function openMailbox() {
  comet?.close();
  reminders.clear();
  dismissed.clear();
  notify(null);
  renderReminders();
  const client = new CometClient({ url: findNode, device: deviceName(), getTicket });
  comet = client;
  const listen = (type, fn) => client.addEventListener(type, (event) => client === comet && fn(event.detail));
  listen('state', onState);
  listen('message', (message) => addReminder(message, true));
  listen(
    'receipt',
    ({ seq, epoch, kind }) => kind === 'dismissed' && removeReminder((r) => r.seq === seq && r.epoch === epoch),
  );
  listen('loss', () => notify('The server has lost some messages. What it still has is shown.'));
  client.connect();
}

/** The node that the gate recommends. Where it cannot say, this server: it also tells best what is wrong with a ticket. */
async function findNode(ticket) {
  const answer = await call('GET', `/v1/comet/nodes?ticket=${encodeURIComponent(ticket)}`).catch(() => ({ nodes: [] }));
  return answer.nodes[0]?.url ?? location.origin;
}

async function getTicket() {
  if (session.key === null) return session.ticket;
  const { ticket } = await call('POST', `${base()}/users/${encodeURIComponent(session.user)}/tickets`, {});
  return ticket;
}

/** What was delivered before, and what became of it. */
async function loadInbox(client) {
  try {
    const path = session.key === null ? '/v1/comet/inbox' : `${base()}/users/${encodeURIComponent(session.user)}/inbox`;
    const { items } = await call('GET', `${path}?limit=50`);
    if (client !== comet) return;
    for (const item of items.reverse()) {
      if (item.state === 'dismissed') removeReminder((reminder) => reminder.key === item.key);
      else addReminder(item, false);
    }
  } catch (error) {
    notify(`The inbox cannot be read: ${error.message}`);
  }
}

function addReminder(message, isArriving) {
  if (reminders.has(message.key) || dismissed.has(message.key)) return;
  reminders.set(message.key, { ...message, isArriving });
  renderReminders();
  if (message.receipts?.displayed === undefined) comet.receipt(message, 'displayed');
}

function removeReminder(test) {
  for (const [key, reminder] of reminders) if (test(reminder)) reminders.delete(key);
  renderReminders();
}

function onReminderClick(event) {
  const button = event.target.closest('button[data-key]');
  const reminder = button === null ? undefined : reminders.get(button.dataset.key);
  if (reminder === undefined) return;
  comet.receipt(reminder, 'dismissed');
  dismissed.add(reminder.key);
  removeReminder((other) => other === reminder);
}

function renderReminders() {
  const newestFirst = [...reminders.values()].sort((a, b) =>
    a.sentAt === b.sentAt ? b.seq - a.seq : a.sentAt < b.sentAt ? 1 : -1,
  );
  $('reminder-list').replaceChildren(...newestFirst.map(reminderItem));
  for (const reminder of newestFirst) reminder.isArriving = false;
  $('reminders-empty').hidden = reminders.size > 0;
  $('reminder-count').hidden = reminders.size === 0;
  $('reminder-count').textContent = String(reminders.size);
  document.title = reminders.size === 0 ? 'CloudJob' : `(${reminders.size}) CloudJob`;
}

function reminderItem(reminder) {
  const at = new Date(reminder.scheduledAt ?? reminder.sentAt);
  const dismiss = el(
    'button',
    { type: 'button', 'data-key': reminder.key, 'aria-label': `Dismiss ${reminder.title}` },
    'Dismiss',
  );
  return el(
    'li',
    { class: reminder.isArriving ? 'reminder arriving' : 'reminder', 'data-seq': String(reminder.seq) },
    el('span', { class: 'title' }, reminder.title),
    ...(reminder.body ? [el('p', { class: 'body' }, reminder.body)] : []),
    el('time', { class: 'when', datetime: at.toISOString(), title: at.toLocaleString() }, clockText(at)),
    el('div', { class: 'actions' }, dismiss),
  );
}

async function onRemind(event) {
  event.preventDefault();
  const seconds = Number($('remind-when').value);
  const title = $('remind-text').value.trim();
  if (title === '') return;
  const name = `reminder-${crypto.getRandomValues(new Uint32Array(2)).join('')}`;
  try {
    await call('PUT', `${base()}/jobs/${name}`, {
      target: { type: 'push', users: [session.user], message: { title } },
      schedule: { type: 'at', at: new Date(Date.now() + seconds * 1000).toISOString() },
    });
    $('remind-text').value = '';
    notify(null);
    void loadUpcoming();
  } catch (error) {
    notify(`The reminder was not set: ${error.message}`);
  }
}

// ── connection ──────────────────────────────────────────────────────────────────────────────────────────────

function onState(detail) {
  // Receipts of other devices are not sent again: look what was dismissed meanwhile.
  if (detail.state === 'live') void loadInbox(comet);
  connection = detail;
  retryAt = detail.retryInMs === undefined ? 0 : performance.now() + detail.retryInMs;
  renderConnection();
}

function renderConnection() {
  const { state, reason } = connection;
  const seconds = Math.max(Math.ceil((retryAt - performance.now()) / 1000), 0);
  const texts = {
    connecting: 'Connecting…',
    live: 'Live',
    waiting: reason === 'offline' ? 'Offline' : `Reconnecting in ${seconds} s`,
    stopped:
      reason === 'closed' || reason === undefined ? 'Not connected' : `Not connected: ${reason.replaceAll('-', ' ')}`,
  };
  const shown = state === 'stopped' && reason !== undefined && reason !== 'closed' ? 'refused' : state;
  if ($('connection').dataset.state !== shown) $('connection').dataset.state = shown;
  if ($('connection-text').textContent !== texts[state]) $('connection-text').textContent = texts[state];
}

// ── what comes up ───────────────────────────────────────────────────────────────────────────────────────────

function loadUpcomingSoon() {
  clearTimeout(upcomingTimer);
  upcomingTimer = setTimeout(loadUpcoming, 400);
}

async function loadUpcoming() {
  clearTimeout(upcomingTimer);
  upcomingTimer = setTimeout(loadUpcoming, UPCOMING_EVERY_MS);
  try {
    const { items } = await call('GET', `${base()}/jobs?limit=100`);
    for (const job of items) titles.set(job.name, titleOf(job));
    const lists = await Promise.all(items.map(fireTimesOf));
    const next = lists
      .flat()
      .sort((a, b) => a.at - b.at)
      .slice(0, UPCOMING_SHOWN);
    for (const fire of next) fire.detail = await describe(fire.schedule, fire.timeZone);
    upcoming = next;
    renderUpcoming();
    renderActivity();
  } catch {
    // Shown as it was; the next pass follows.
  }
}

async function fireTimesOf(job) {
  const { nextAt, state, triggerCount } = job.status;
  if (state === 'paused') return [];
  const own =
    nextAt === undefined
      ? []
      : [{ name: titleOf(job), schedule: job.schedule, timeZone: job.timeZone, at: Date.parse(nextAt) }];
  if (triggerCount <= (job.schedule === undefined ? 0 : 1)) return own;
  const { items } = await call('GET', `${base()}/jobs/${encodeURIComponent(job.name)}/triggers?limit=500`);
  const others = items
    .filter((trigger) => trigger.name !== 'default' && trigger.status.nextAt !== undefined)
    .map((trigger) => ({
      name: trigger.data?.message?.title ?? `${titleOf(job)} / ${trigger.name}`,
      schedule: trigger.schedule,
      timeZone: trigger.timeZone,
      at: Date.parse(trigger.status.nextAt),
    }));
  return [...own, ...others];
}

function titleOf(job) {
  if (job.name.startsWith('reminders.')) return 'Reminder';
  return job.target.type === 'push' && job.target.message ? job.target.message.title : job.name;
}

/** In words; what the page cannot say itself it asks the server. */
async function describe(schedule, timeZone) {
  if (schedule.type === 'at') return 'once';
  if (schedule.type === 'every') return `every ${durationText(schedule.everyMs)}`;
  const key = `${timeZone} ${JSON.stringify(schedule)}`;
  if (!descriptions.has(key)) {
    const asked = call('POST', '/v1/schedules/preview', { schedule, timeZone, count: 1 });
    const inWords = await asked.then(
      (answer) => answer.description,
      () => schedule.type,
    );
    descriptions.set(key, inWords === schedule.type ? (schedule.expression ?? schedule.rrule ?? inWords) : inWords);
  }
  return descriptions.get(key);
}

function renderUpcoming() {
  const items = upcoming.map(({ name, detail, at }) =>
    el(
      'li',
      {},
      el('span', { class: 'name', title: name }, name),
      el('span', { class: 'end', 'data-at': String(at) }, untilText(at)),
      el('span', { class: 'detail muted', title: detail }, detail),
      el('time', { class: 'end muted', datetime: new Date(at).toISOString() }, dayTime.format(at)),
    ),
  );
  $('upcoming-list').replaceChildren(...items);
  $('upcoming-empty').hidden = items.length > 0;
}

// ── activity ────────────────────────────────────────────────────────────────────────────────────────────────

const TONES = {
  queued: 'busy',
  running: 'busy',
  succeeded: 'good',
  retrying: 'warn',
  missed: 'warn',
  skipped: 'warn',
  failed: 'bad',
};
/** What an event of the cluster says about the state of an execution. */
const STATES = { fired: 'queued', started: 'running' };

async function loadActivity() {
  try {
    const { items } = await call('GET', `${base()}/executions?limit=${ACTIVITY_SHOWN}`);
    for (const item of items)
      noteExecution(item.id, item.job, item.state, Date.parse(item.finishedAt ?? item.startedAt ?? item.firedAt));
  } catch {
    // What happens from now on is shown.
  }
}

function noteExecution(id, job, state, at) {
  const known = activity.get(id);
  if (known !== undefined && known.at > at) return;
  activity.set(id, { id, job, state, at });
  renderActivity();
}

function renderActivity() {
  const newest = [...activity.values()].sort((a, b) => b.at - a.at).slice(0, ACTIVITY_SHOWN);
  activity.clear();
  for (const entry of newest) activity.set(entry.id, entry);
  const items = newest.map(({ job, state, at }) =>
    el(
      'li',
      {},
      el('span', { class: 'name', title: job }, titles.get(job) ?? job),
      el('span', { class: 'badge', 'data-tone': TONES[state] ?? '' }, state),
      el('time', { class: 'muted', datetime: new Date(at).toISOString() }, timeOnly.format(at)),
    ),
  );
  $('activity-list').replaceChildren(...items);
  $('activity-empty').hidden = items.length > 0;
}

/** Events by fetch rather than EventSource, which cannot send the key in a header. */
async function followEvents() {
  for (let waitMs = 1000; ; waitMs = Math.min(waitMs * 2, 30_000)) {
    try {
      const response = await fetch(`/v1/events?namespace=${encodeURIComponent(session.namespace)}`, {
        headers: { authorization: `Bearer ${session.key}`, accept: 'text/event-stream' },
      });
      if (!response.ok) throw new Error(response.statusText);
      $('activity-state').textContent = 'as it happens';
      waitMs = 1000;
      for await (const data of eventData(response.body)) onClusterEvent(JSON.parse(data));
    } catch {
      // Asked again below.
    }
    $('activity-state').textContent = 'paused';
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    void loadActivity();
  }
}

async function* eventData(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart());
      if (data.length > 0) yield data.join('\n');
    }
  }
}

function onClusterEvent({ type, at, execution, job = '' }) {
  const name = job.slice(job.indexOf('/') + 1);
  if (execution !== undefined) noteExecution(execution, name, STATES[type] ?? type, Date.parse(at));
  loadUpcomingSoon();
}

// ── time and elements ───────────────────────────────────────────────────────────────────────────────────────

function tick() {
  renderConnection();
  for (const node of document.querySelectorAll('[data-at]')) node.textContent = untilText(Number(node.dataset.at));
}

function untilText(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  if (seconds <= 0) return 'now';
  if (seconds < 90) return relative.format(seconds, 'second');
  if (seconds < 5400) return relative.format(Math.round(seconds / 60), 'minute');
  if (seconds < 129_600) return relative.format(Math.round(seconds / 3600), 'hour');
  return relative.format(Math.round(seconds / 86_400), 'day');
}

function clockText(date) {
  return date.toDateString() === new Date().toDateString() ? timeOnly.format(date) : dayTime.format(date);
}

function durationText(ms) {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1000],
  ];
  for (const [name, length] of units) {
    if (ms % length === 0) return ms === length ? name : `${ms / length} ${name}s`;
  }
  return `${ms} ms`;
}

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
