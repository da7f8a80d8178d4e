//! How many files, sockets included, this process may have open, and how large they may grow.

/// The limit in force; the greatest number where the system has none.
pub fn limit() -> usize {
    system::limit().unwrap_or(usize::MAX)
}

/// Takes what the system allows at the most. Shells begin with a thousand for the sake of programs
/// that cannot count further, and a call alone has six.
pub fn raise() {
    if let Err(error) = system::raise() {
        tracing::debug!(%error, "the number of files stays as it is");
    }
}

/// Has a write beyond the limit on a file's size fail as on a full disk, for as long as the process
/// is. Left alone, its signal ends the process without a word, and every call with it.
pub fn outlive_limit() {
    if let Err(error) = system::outlive_limit() {
        tracing::debug!(%error, "a limit on the size of files ends the process");
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::io::Result;
    use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) fn outlive_limit() -> std::io::Result<()> {
        // Whoever has listened to a signal once has changed for good what it does.
        signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
    }

    pub(super) fn limit() -> Option<usize> {
        let files = getrlimit(Resource::Nofile).current?;
        usize::try_from(files).ok()
    }

    pub(super) fn raise() -> Result<()> {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let wanted = Rlimit {
            current: maximum,
            maximum,
        };
        setrlimit(Resource::Nofile, wanted)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn limit() -> Option<usize> {
        None
    }

    pub(super) fn outlive_limit() -> Result<(), std::convert::Infallible> {
        Ok(())
    }

    pub(super) fn raise() -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_limit_is_never_lower() {
        let before = limit();
        raise();
        assert!(limit() >= before);
    }
}
