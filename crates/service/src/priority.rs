//! Who goes first when the processor is short: a frame is late after 20 ms, an answer after a second.
//!
//! | thread | where the system allows it | where it does not |
//! |---|---|---|
//! | sound | in real time, before everything of this machine | as the process |
//! | service | before what stands as usual | as the process |
//! | models | just before what stands as usual | just behind the process |
//!
//! Sound is first either way, and models are never last: beside a backup or a build they keep more
//! than a third of a core, so that the agent goes on answering. What sound needs is little, so the
//! distance to it is small where nothing can be raised; it only decides who preempts whom.
//!
//! Niceness orders only what the system has put into one group: beside a build in another session or
//! another unit, sound at -10 was late a few times in a thousand frames, and in real time never.
//!
//! The system allows it with `CAP_SYS_NICE`, or within limits such as systemd's `LimitNICE=-10` and
//! `LimitRTPRIO=1`; each is used where it is given. A thread of sound that ran wild would hold one
//! core, less the share that the kernel keeps for the rest (`sched_rt_runtime_us`). Elsewhere than on Linux a thread has no priority of its own, and all stay as they are.

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
    /// The Unix niceness, where a thread may have one below that of the process. A step of one is
    /// a quarter more of a processor that is fought over.
    const fn niceness(self) -> i32 {
        match self {
            Self::Sound => -10,
            Self::Service => -5,
            Self::Models => -2,
        }
    }

    /// How far behind the process a thread stands where it may not.
    const fn behind(self) -> i32 {
        match self {
            Self::Sound | Self::Service => 0,
            Self::Models => 1,
        }
    }
}

/// Gives the calling thread the priority of its work. Where the whole process was made nicer on
/// purpose, nothing is raised, and the order within it stays.
pub fn set(work: Work) {
    match thread::set(work) {
        Ok(niceness) => tracing::debug!(?work, niceness, "thread has its priority"),
        Err(error) => tracing::debug!(?work, %error, "thread keeps its priority"),
    }
}

#[cfg(target_os = "linux")]
mod thread {
    use rustix::io::Result;
    use rustix::process::{getpid, getpriority_process, setpriority_process};
    use thread_priority::RealtimeThreadSchedulePolicy::RoundRobin;
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, thread_schedule_policy,
        unix::{set_thread_priority_and_policy, thread_native_id},
    };

    use super::Work;

    /// The last niceness there is.
    const LAST: i32 = 19;

    /// Without an argument the calls are about the calling thread, which has what the thread had
    /// that started it; what the process was given is its first thread's.
    pub(super) fn set(work: Work) -> Result<i32> {
        let process = getpriority_process(Some(getpid()))?;
        // A process that was made nicer on purpose is left alone.
        let may_raise = process <= 0;
        real_time(work == Work::Sound && may_raise);
        let raised = match work {
            Work::Sound | Work::Service => work.niceness().min(process),
            Work::Models => work.niceness(),
        };
        if may_raise && setpriority_process(None, raised).is_ok() {
            return Ok(raised);
        }
        let behind = (process + work.behind()).min(LAST);
        setpriority_process(None, behind)?;
        Ok(behind)
    }

    /// Puts the thread in real time, at the lowest of its priorities, or takes it out again.
    fn real_time(wanted: bool) {
        let inherited = matches!(
            thread_schedule_policy(),
            Ok(ThreadSchedulePolicy::Realtime(_))
        );
        if wanted == inherited {
            return;
        }
        let policy = if wanted {
            ThreadSchedulePolicy::Realtime(RoundRobin)
        } else {
            ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other)
        };
        let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
        if let Err(error) = set {
            tracing::debug!(?error, "thread keeps its policy");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod thread {
    use super::Work;

    pub(super) fn set(_: Work) -> Result<i32, std::convert::Infallible> {
        Ok(0)
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use rustix::process::{getpid, getpriority_process, setpriority_process};

    use super::*;

    /// What a thread has that was put at `begins`, if anywhere, and then says this of its work.
    fn niceness(begins: Option<i32>, work: Work) -> i32 {
        let thread = std::thread::spawn(move || {
            if let Some(begins) = begins {
                setpriority_process(None, begins).unwrap();
            }
            set(work);
            getpriority_process(None).unwrap()
        });
        thread.join().unwrap()
    }

    fn process() -> i32 {
        getpriority_process(Some(getpid())).unwrap()
    }

    /// Models ran at +10, a tenth of a core beside any other program: a backup made the agent mute.
    #[test]
    fn sound_is_first_and_models_are_not_last() {
        let all = [Work::Sound, Work::Service, Work::Models].map(|work| niceness(None, work));
        let own = process();
        let raised = [own.min(-10), own.min(-5), -2];
        let behind = [own, own, (own + 1).min(19)];
        assert!(all == raised || all == behind, "{own} became {all:?}");
    }

    /// Threads that a thread of sound starts, such as those that write to the disk, begin as it is.
    #[test]
    fn real_time_is_for_sound_alone() {
        let after = |work: Work| {
            let thread = std::thread::spawn(move || {
                set(Work::Sound);
                set(work);
                matches!(
                    thread_priority::thread_schedule_policy(),
                    Ok(thread_priority::ThreadSchedulePolicy::Realtime(_))
                )
            });
            thread.join().unwrap()
        };
        assert!(!after(Work::Service) && !after(Work::Models));
    }

    #[test]
    fn a_thread_goes_by_the_process_not_by_who_started_it() {
        let alone = niceness(None, Work::Models);
        let after = niceness(Some(process() + 1), Work::Models);
        assert_eq!(after, alone);
    }
}
