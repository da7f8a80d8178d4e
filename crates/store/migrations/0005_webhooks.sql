-- Events are kept in the order they came, and remember whether they were processed.
CREATE TABLE events_ordered (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT NOT NULL UNIQUE,
    at          INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    room        TEXT NOT NULL,
    body        TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- 'waiting', 'done', 'parked'
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL DEFAULT 0,
    reason      TEXT
);
INSERT INTO events_ordered (event_id, at, kind, room, body, received_at, state)
    SELECT event_id, at, kind, room, body, at, 'done' FROM events ORDER BY rowid;
DROP TABLE events;
ALTER TABLE events_ordered RENAME TO events;
CREATE INDEX events_by_room ON events (room, seq);
CREATE INDEX events_by_receipt ON events (received_at);
CREATE INDEX events_waiting ON events (seq) WHERE state = 'waiting';
CREATE INDEX events_delayed ON events (due_at, room) WHERE state = 'waiting' AND due_at > 0;
CREATE INDEX events_parked ON events (seq) WHERE state = 'parked';

-- Who tells of a call: our own gateway, or the webhooks of a server whose gateway is not ours.
ALTER TABLE calls ADD COLUMN source TEXT NOT NULL DEFAULT 'gateway';
