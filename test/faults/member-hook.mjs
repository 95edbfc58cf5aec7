// Loaded into a process of the product by `node --import`, so that a test can do to it what no signal can: block its
// event loop, and set its wall clock. Nothing in the product knows of it.
const RealDate = Date;
let shiftMs = 0;

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shiftMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};

process.on('message', ({ command, ms }) => {
  if (command === 'shift-clock') shiftMs = ms;
  if (command === 'block') {
    const until = performance.now() + ms;
    while (performance.now() < until);
  }
});
process.channel?.unref();
