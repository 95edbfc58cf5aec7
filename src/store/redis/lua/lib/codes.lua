-- Every code that a script returns; the same table as SCRIPT_CODES in script-manifest.ts.
local OK, FENCED, CONFLICT, NOT_FOUND, DELETING, BEHIND, MISPLACED, DUE = 0, -1, -2, -3, -4, -5, -6, -7
local CREATED, CHANGED, UNCHANGED, DELETED = 11, 12, 13, 14
local FIRED, STALE, EARLY, WAITING = 21, 22, 23, 24
local EXTENDED, CANCELLING, LOST = 31, 32, 33
local SETTLED, REPEATED = 41, 42
local IN_USE, CYCLE, FULL = 51, 52, 53
