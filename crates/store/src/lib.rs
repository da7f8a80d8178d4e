//! What must survive a restart: calls, turns, events, refusals, recordings, SIP set-up, jobs.
