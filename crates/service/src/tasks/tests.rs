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
