-- Refusals of one source for one reason are one row with a count.
ALTER TABLE refusals ADD COLUMN count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE refusals ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
UPDATE refusals SET last_at = at;
