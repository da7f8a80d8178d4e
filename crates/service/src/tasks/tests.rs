use super::*;
use tokio::sync::oneshot;

#[tokio::test(start_paused = true)]
async fn a_session_that_panics_ends_alone() {
    let tasks = Tasks::new();
    let (tell, told) = oneshot::channel();
    let broken = tasks.session("broken", async { panic!("on purpose") });
    tasks.session("sound", async move {
        broken.await.unwrap();
        tell.send(()).unwrap();
    });
    told.await.unwrap();
    assert_eq!(tasks.stop().phase(), Phase::Running);
    assert_eq!(tasks.fatal(), None);
}

#[tokio::test(start_paused = true)]
async fn a_vital_task_that_ends_drains_the_process() {
    let tasks = Tasks::new();
    tasks.vital("socket", async {});
    tasks.stop().draining().await;
    assert_eq!(tasks.fatal(), Some("socket ended"));
}

#[test]
fn tasks_that_carry_sound_run_apart_and_end_with_the_others() {
    let threads = |name: &str| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name(name).enable_all();
        builder.build().unwrap()
    };
    let (service, sound) = (threads("service"), threads("sound"));
    let tasks = Tasks::new().with_sound(sound.handle().clone());
    let apart = tasks.sound();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |of: &Tasks| {
        let (seen, stop) = (Arc::clone(&seen), of.stop());
        of.session("frames", async move {
            // What a task starts runs where the task does.
            let mut children = tokio::task::JoinSet::new();
            children.spawn(async { std::thread::current().name().map(str::to_owned) });
            let thread = children.join_next().await.unwrap().unwrap().unwrap();
            seen.lock().unwrap().push(thread);
            stop.draining().await;
        });
    };
    let report = service.block_on(async {
        note(&tasks);
        note(&apart);
        while seen.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        tasks.finish(Limits::default()).await
    });
    assert!(report.is_clean());
    seen.lock().unwrap().sort();
    assert_eq!(*seen.lock().unwrap(), ["service", "sound"]);
}

#[tokio::test(start_paused = true)]
async fn sessions_may_finish_within_the_limit() {
    let tasks = Tasks::new();
    tasks.session("call", tokio::time::sleep(Duration::from_secs(20)));
    assert!(tasks.finish(Limits::default()).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn past_the_limit_sessions_are_hurried_and_then_cut() {
    let tasks = Tasks::new();
    let stop = tasks.stop();
    tasks.session("polite", async move { stop.hurry().await });
    tasks.session("stubborn", std::future::pending());
    assert_eq!(
        tasks.finish(Limits::default()).await,
        DrainReport { cut: 1 }
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_shortens_the_drain() {
    let tasks = Tasks::new();
    let stop = tasks.stop();
    tasks.session("call", async move { stop.hurry().await });
    let began = tokio::time::Instant::now();
    tasks.begin_drain("first");
    tasks.hurry();
    assert!(tasks.finish(Limits::default()).await.is_clean());
    assert!(began.elapsed() < Duration::from_secs(1));
}
