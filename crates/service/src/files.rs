//! How many files, sockets included, this process may have open.

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

#[cfg(target_os = "linux")]
mod system {
    use rustix::io::Result;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
