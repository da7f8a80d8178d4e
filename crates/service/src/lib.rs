//! How a process lives: tasks, drain, config reports, limits, logs and metrics.
