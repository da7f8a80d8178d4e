-- Each call's record as telephony people read it.
ALTER TABLE calls ADD COLUMN q850 INTEGER;
ALTER TABLE calls ADD COLUMN ended_by TEXT;
ALTER TABLE calls ADD COLUMN billed_seconds INTEGER;
ALTER TABLE calls ADD COLUMN cost TEXT;
ALTER TABLE calls ADD COLUMN currency TEXT;
CREATE INDEX calls_by_end ON calls (ended_at);

-- What went over the wire in a call. The numbers of one call have no gaps but where a message was not
-- kept. Times are in microseconds.
CREATE TABLE sip_messages (
    call_id   TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    sent      INTEGER NOT NULL,
    transport TEXT NOT NULL,
    local     TEXT NOT NULL,
    remote    TEXT NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (call_id, seq)
);
CREATE INDEX sip_messages_by_time ON sip_messages (at, size);
