import type { RedisPubSub } from '../../src/store/redis/pub-sub.js';

/** Everything heard on the channel from now on, and how often a gap was told. */
export async function listening(pubSub: RedisPubSub, channel: string): Promise<{ heard: string[]; gaps: number }> {
  const seen = { heard: [] as string[], gaps: 0 };
  await pubSub.subscribe(
    channel,
    (text) => void seen.heard.push(text),
    () => void seen.gaps++,
  );
  return seen;
}
