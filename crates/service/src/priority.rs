//! Who goes first when the processor is short: a frame is late after 20 ms, an answer is not.
//!
//! Threads that carry sound stand before everything else of this machine, where the system allows
//! that (on Linux with `CAP_SYS_NICE`, or a limit such as systemd's `LimitNICE=-10`). Threads that
//! compute for longer than a frame stand behind, which is always allowed. Elsewhere than on Linux
//! a thread has no priority of its own, and all stay as they are.

/// What a thread does, as far as its priority goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Passes frames on: whoever hears them has nothing to smooth a late one with.
    Sound,
    /// Everything around: conversations, whose frames pass through a buffer, and requests.
    Service,
    /// Runs models.
    Models,
}

impl Work {
    /// The Unix niceness. The distance of 15 and 20 lets the others preempt at once and leaves the
    /// models a few hundredths of a busy core.
    const fn niceness(self) -> i32 {
        match self {
            Self::Sound => -10,
            Self::Service => -5,
            Self::Models => 10,
        }
    }
}

/// Gives the calling thread the priority of its work. A thread that stands further behind already,
/// because the whole process was put there, stays.
pub fn set(work: Work) {
    if let Err(error) = thread::set(work) {
        tracing::debug!(?work, %error, "thread keeps its priority");
    }
}

#[cfg(target_os = "linux")]
mod thread {
    use rustix::io::Result;
    use rustix::process::{getpriority_process, setpriority_process};

    use super::Work;

    // Without an argument these are about the calling thread.
    pub(super) fn set(work: Work) -> Result<()> {
        let own = getpriority_process(None)?;
        let wanted = match work {
            // These threads start from the process's niceness; a process that was made nicer on
            // purpose is left alone.
            Work::Sound | Work::Service if own > 0 => return Ok(()),
            Work::Sound | Work::Service => own.min(work.niceness()),
            Work::Models => own.max(work.niceness()),
        };
        setpriority_process(None, wanted)
    }
}

#[cfg(not(target_os = "linux"))]
mod thread {
    use super::Work;

    pub(super) fn set(_: Work) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    /// What a thread has that says this of its work.
    fn niceness(work: &'static [Work]) -> i32 {
        let thread = std::thread::spawn(|| {
            work.iter().for_each(|work| set(*work));
            getpriority_process(None).unwrap()
        });
        thread.join().unwrap()
    }

    #[test]
    fn models_stand_behind_and_only_their_own_thread_does() {
        let own = getpriority_process(None).unwrap();
        assert_eq!(niceness(&[Work::Models]), own.max(10));
        assert_eq!(niceness(&[]), own);
    }

    #[test]
    fn sound_goes_first_where_that_is_allowed_and_never_falls_behind() {
        let own = getpriority_process(None).unwrap();
        let sound = niceness(&[Work::Sound]);
        assert!(
            sound == own || sound == own.min(-10),
            "{own} became {sound}"
        );
        // Whoever was put behind on purpose stays there.
        assert_eq!(niceness(&[Work::Models, Work::Sound]), own.max(10));
    }
}
