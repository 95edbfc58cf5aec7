/** Text of an iCalendar file around these components, given as lines. */
export function aCalendar(...lines: readonly string[]): Uint8Array {
  return Buffer.from(['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:test', ...lines, 'END:VCALENDAR', ''].join('\r\n'));
}

/** Lines of an event; what the test does not say is a meeting in Berlin. */
export function anEvent(...lines: readonly string[]): string[] {
  const has = (name: string): boolean => lines.some((line) => line.startsWith(name));
  return [
    'BEGIN:VEVENT',
    ...(has('UID') ? [] : ['UID:meeting']),
    ...(has('SUMMARY') ? [] : ['SUMMARY:Meeting']),
    ...(has('DTSTART') ? [] : ['DTSTART;TZID=Europe/Berlin:20270104T090000']),
    ...lines,
    'END:VEVENT',
  ];
}

export function anAlarm(trigger: string, ...lines: readonly string[]): string[] {
  return ['BEGIN:VALARM', 'ACTION:DISPLAY', `TRIGGER${trigger}`, ...lines, 'END:VALARM'];
}

export function aCard(...lines: readonly string[]): string[] {
  return ['BEGIN:VCARD', 'VERSION:4.0', ...lines, 'END:VCARD'];
}

export function cards(...blocks: readonly (readonly string[])[]): Uint8Array {
  return Buffer.from([...blocks.flat(), ''].join('\r\n'));
}
