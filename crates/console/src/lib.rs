//! HTTP of the daemon: health, metrics, webhooks in, calls API.
