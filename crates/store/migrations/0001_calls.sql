CREATE TABLE calls (
    call_id     TEXT PRIMARY KEY,
    room        TEXT NOT NULL,
    direction   TEXT NOT NULL,
    caller      TEXT NOT NULL,
    called      TEXT NOT NULL,
    trunk_id    TEXT NOT NULL,
    rule_id     TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    answered_at INTEGER,
    ended_at    INTEGER,
    end_reason  TEXT,
    sip_status  INTEGER,
    summary     TEXT
);
CREATE INDEX calls_by_start ON calls (started_at DESC);
CREATE INDEX calls_by_room ON calls (room);

CREATE TABLE turns (
    turn_id     TEXT PRIMARY KEY,
    room        TEXT NOT NULL,
    call_id     TEXT,
    started_at  INTEGER NOT NULL,
    heard       TEXT NOT NULL,
    said        TEXT NOT NULL,
    interrupted INTEGER NOT NULL,
    latency     TEXT NOT NULL
);
CREATE INDEX turns_by_room ON turns (room, started_at);
CREATE INDEX turns_by_call ON turns (call_id, started_at);

CREATE TABLE events (
    event_id TEXT PRIMARY KEY,
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    room     TEXT NOT NULL,
    body     TEXT NOT NULL
);
CREATE INDEX events_by_room ON events (room, at);

CREATE TABLE refusals (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    source     TEXT NOT NULL,
    caller     TEXT NOT NULL,
    called     TEXT NOT NULL,
    sip_status INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    considered TEXT NOT NULL
);
CREATE INDEX refusals_by_time ON refusals (at DESC);

CREATE TABLE recordings (
    egress_id  TEXT PRIMARY KEY,
    room       TEXT NOT NULL,
    path       TEXT NOT NULL,
    channels   INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    duration   INTEGER,
    bytes      INTEGER,
    outcome    TEXT
);
CREATE INDEX recordings_by_room ON recordings (room);

CREATE TABLE documents (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    body       BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    lane       TEXT NOT NULL,
    target     TEXT NOT NULL,
    body       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_by_due ON outbox (due_at, id);
