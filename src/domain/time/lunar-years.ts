import { dayNumber } from './civil.js';

/**
 * The months of the Chinese calendar as a table: working them out astronomically takes a millisecond a year.
 * Source: tyme4ts, with which a test compares it (GB/T 33661-2017).
 */

export interface LunarMonth {
  /** 1-12 */
  readonly number: number;
  readonly isLeap: boolean;
  /** Day number of its first day. */
  readonly firstDay: number;
  readonly length: 29 | 30;
}

export const FIRST_LUNAR_YEAR = 1900;
export const END_LUNAR_YEAR = 2200;

/** Five hexadecimal digits a year: the number of the leap month times 2^13, and a bit for each month of 30 days. */
const YEARS =
  '116d20075200ea50b64a0064b00a9b095560056a00b5905752007520db2500b2500a4b0b4ab002ad0056b04b6900da90fd92' +
  '00e9200d250ba4d00a56002b6095b5006d400ea905e9200e920cd260052b00a570b2b600b5a006d406ec9007490f69300a93' +
  '0052b0ca5b00aad0056a09b5500ba400b4905a9300a950f52d0053600aad0b5aa005b200da507d4a00d4a10a9500a9700556' +
  '0cab500ad5006d208ea500ea50064a06c9700a9b0f55a0056a00b690b75200b5200b250964b00a4b114ab002ad0056d0cb69' +
  '00da900d9209d2500d2515a4d00a56002b60c5b5006d500ea90be9200e9200d2606a5600a57114d60035a006d50b6c900749' +
  '006930952b0052b00a5b0555a0056a0fb5500ba400b490ba9300a950052d08aad00ab5135aa005d200da50dd4a00d4a00c95' +
  '0952e0055600ab5055b2006d20cea5007250064b0ac9700cab0055a06ad600b691775200b5200b250da4b00a4b004ab0a55b' +
  '005ad00b6a05b5200d920fd2500d2500a550b4ad004b6005b506daa00ec911e9200e9200d260ca5600a57004d6086d500755' +
  '0074906e93006930f52b0052b00a5b0b55a0056a00b650974a00b4a11a9500a950052d0caad00ab5005aa08ba500da500d4a' +
  '07c9500c960f94e0055600ab50b5b2006d200ea508e4a0068b10c97004ab0055b0cad600b6a007520972500b4500a8b0549b' +
  '004ab0e95b005ad00baa0bb5200d9200d2509a4b00a55134ad004b6006b50cdaa00ec900e9209d2600d2a00a56074b600556' +
  '0ead500b550074a0ae93006950052b08a5700a9b1755a0056a00b650d74a00b4a00b150b52b0054d00aad0556a005aa0eba5' +
  '00da500d4a0bd1500d160094e08aad00ad6175b4006d200ea50ce8a0068b00d170a9560095b00ada076d4007540f74500b45' +
  '00a8b0d52b004ad0096b08b5a00daa15b5400da200d450da9500a950052d0aaad00ab500daa07da400ea20fd4600d4a00a96' +
  '0d5360055a00ad5096ca0075200ea504d4a0054b0ca9700aab0055a0aad500b650075207aa500b250fa4b0094d00aad0d56a';

const DIGITS = 5;
/** Day number of the first day of each lunar year. */
const FIRST_DAYS = firstDays();

/** The months of a lunar year in their order; none outside of 1900 to 2199. */
export function lunarMonths(lunarYear: number): readonly LunarMonth[] {
  const first = FIRST_DAYS[lunarYear - FIRST_LUNAR_YEAR];
  if (first === undefined) return [];
  const code = codeOf(lunarYear);
  const leap = code >> 13;
  const months: LunarMonth[] = [];
  let firstDay = first;
  for (let i = 0; i < (leap === 0 ? 12 : 13); i++) {
    const length = lengthOf(code, i);
    const isLeap = leap !== 0 && i === leap;
    months.push({ number: leap !== 0 && i >= leap ? i : i + 1, isLeap, firstDay, length });
    firstDay += length;
  }
  return months;
}

/** The number of the leap month of a lunar year, 0 = none. */
export function leapMonthOf(lunarYear: number): number {
  return lunarYear < FIRST_LUNAR_YEAR || lunarYear >= END_LUNAR_YEAR ? 0 : codeOf(lunarYear) >> 13;
}

function codeOf(lunarYear: number): number {
  const start = (lunarYear - FIRST_LUNAR_YEAR) * DIGITS;
  return parseInt(YEARS.slice(start, start + DIGITS), 16);
}

function lengthOf(code: number, month: number): 29 | 30 {
  return (code >> month) & 1 ? 30 : 29;
}

function firstDays(): readonly number[] {
  const days: number[] = [];
  let day = dayNumber(1900, 1, 31);
  for (let year = FIRST_LUNAR_YEAR; year < END_LUNAR_YEAR; year++) {
    days.push(day);
    const code = codeOf(year);
    for (let i = 0; i < (code >> 13 === 0 ? 12 : 13); i++) day += lengthOf(code, i);
  }
  return days;
}
