use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

fn counting_pool(limit: usize) -> (Pool<usize>, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let pool = Pool::start("test", 1, limit, move || {
        Ok(counter.fetch_add(1, Ordering::SeqCst))
    });
    (pool.unwrap(), made)
}

/// Occupies the only worker until the returned sender is dropped or used.
async fn occupy(pool: &Pool<usize>) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel();
    let (begun, has_begun) = oneshot::channel();
    let busy = pool.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "the test ends before its runtime does"
    )]
    tokio::spawn(async move {
        let work = move |_: &mut usize| {
            let _ = begun.send(());
            let _ = released.recv();
            Ok(())
        };
        busy.run(Due::now(), work).await
    });
    has_begun.await.unwrap();
    release
}

#[tokio::test]
async fn work_runs_on_the_model() {
    let (pool, _) = counting_pool(4);
    let answer = pool.run(Due::now(), |model| Ok(*model + 41)).await;
    assert_eq!(answer, Ok(41));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (pool, _) = counting_pool(1);
    let release = occupy(&pool).await;
    let mut queued = Box::pin(pool.run(Due::now(), |_| Ok(1)));
    assert!(futures::poll!(queued.as_mut()).is_pending());
    let refused = pool.run(Due::now(), |_| Ok(2)).await;
    assert_eq!(refused, Err(SpeechError::Overloaded { waiting: 1 }));
    drop(release);
    assert_eq!(queued.await, Ok(1));
}

/// The voice made sentences ahead, and a caller waited behind all of them.
#[tokio::test]
async fn what_is_due_first_goes_first_and_what_nobody_waits_for_goes_last() {
    let (pool, _) = counting_pool(8);
    let release = occupy(&pool).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let soon = Instant::now();
    let later = soon + std::time::Duration::from_secs(1);
    let asked = [
        ("ahead", Due::Whenever),
        ("later", Due::At(later)),
        ("soon", Due::At(soon)),
        ("soon, second", Due::At(soon)),
    ];
    let mut waiting = Vec::new();
    for (name, due) in asked {
        let order = Arc::clone(&order);
        let work = move |_: &mut usize| {
            order.lock().unwrap().push(name);
            Ok(())
        };
        let mut queued = Box::pin(pool.run(due, work));
        assert!(futures::poll!(queued.as_mut()).is_pending());
        waiting.push(queued);
    }
    drop(release);
    for queued in waiting {
        assert_eq!(queued.await, Ok(()));
    }
    let order = order.lock().unwrap().clone();
    assert_eq!(order, ["soon", "soon, second", "later", "ahead"]);
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_skipped() {
    let (pool, _) = counting_pool(4);
    let release = occupy(&pool).await;
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let mut queued = Box::pin(pool.run(Due::now(), move |_| {
        Ok(count.fetch_add(1, Ordering::SeqCst))
    }));
    assert!(futures::poll!(queued.as_mut()).is_pending());
    drop(queued);
    drop(release);
    assert_eq!(pool.run(Due::now(), |_| Ok(7)).await, Ok(7));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_worker_gets_a_fresh_model() {
    let (pool, made) = counting_pool(4);
    let outcome: Result<(), _> = pool.run(Due::now(), |_| panic!("a broken model")).await;
    assert_eq!(outcome, Err(SpeechError::Panicked { part: "test" }));
    assert_eq!(pool.run(Due::now(), |model| Ok(*model)).await, Ok(1));
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_worker_that_cannot_reload_stops_the_part() {
    let made = AtomicUsize::new(0);
    let pool = Pool::start("test", 1, 4, move || {
        match made.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(LoadError::NotInstalled {
                dir: "gone".into(),
                missing: Vec::new(),
            }),
        }
    })
    .unwrap();
    let outcome: Result<(), _> = pool.run(Due::now(), |_: &mut ()| panic!("broken")).await;
    assert_eq!(outcome, Err(SpeechError::Panicked { part: "test" }));
    assert_eq!(
        pool.run(Due::now(), |_| Ok(1)).await,
        Err(SpeechError::Stopped)
    );
}
