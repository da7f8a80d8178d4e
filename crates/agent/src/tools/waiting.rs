//! What the caller hears while a tool works.

use tokio::time::timeout;

use super::Filler;
use crate::brain::{Idea, Ideas};

/// Waits for it, and says the filler when it takes long.
pub(crate) async fn waiting<T>(
    work: impl Future<Output = T>,
    filler: Option<&Filler>,
    ideas: &Ideas,
) -> T {
    let mut work = std::pin::pin!(work);
    if let Some(filler) = filler {
        if let Ok(done) = timeout(filler.after, &mut work).await {
            return done;
        }
        // The line ends here, so that it is said at once.
        ideas.push(Idea::Text(format!("{}\n", filler.say))).await;
    }
    work.await
}
