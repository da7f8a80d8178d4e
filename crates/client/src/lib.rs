//! Talk to any LiveKit server: auth, API, webhooks, room participant, agent jobs.
